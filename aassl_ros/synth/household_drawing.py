"""Draws the frames of one object of the household set."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.backgrounds import plain_background
from aassl_ros.sim.household.gripper import draw_grasps, draw_gripper
from aassl_ros.sim.household.objects import Looks, make_object
from aassl_ros.sim.household.renderer import HouseholdRenderer
from aassl_ros.sim.tiny_renderer import Lamp
from aassl_ros.synth.household_camera import draw_camera
from aassl_ros.synth.household_motion import draw_leaning
from aassl_ros.synth.household_scenes import draw_scene, shaded_by
from aassl_ros.synth.household_settings import HouseholdSettings
from aassl_ros.synth.scenery import FOV_DEG, NEUTRAL_LAMP, draw_lamp, draw_motion
from aassl_ros.synth.task import Drawn, Task
from aassl_ros.synth.view_grid import view_poses


class HouseholdDrawer:
    """Draws household objects in one process."""

    def __init__(self, settings: HouseholdSettings) -> None:
        self._settings = settings
        self._looks = Looks(settings.variation, settings.colour_freedom, settings.texture)
        self._renderer = HouseholdRenderer(settings.image_size)

    def draw(self, task: Task) -> Drawn:
        """Draw the frames of this task. They depend only on the settings and the task."""
        model = make_object(self._settings.seed, task.category, task.index, self._looks)
        self._renderer.set_object(model)
        episodes = range(task.first, task.first + task.count)
        drawn = [self._episode(self._generator(task, 1 + number), task.views, model.radius) for number in episodes]
        frames, poses = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
        return Drawn(frames, poses, self._views() if task.has_views else frames[0, :0])

    def close(self) -> None:
        self._renderer.close()

    def _episode(
        self, rng: np.random.Generator, views: int, radius: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        settings = self._settings
        turns = (settings.least_turn_deg, settings.most_turn_deg)
        poses, fov = draw_motion(rng, views, turns, settings.camera)
        if settings.tilt < 1.0:
            poses[:, 3:] = draw_leaning(rng, views, turns, settings.tilt)
        lamps = [draw_lamp(rng, settings.lighting)]
        if rng.random() < 0.3 * settings.lighting:
            lamps.append(_second(draw_lamp(rng, 1.0)))
        grasps = None
        self._renderer.set_gripper(None)
        if rng.random() < min(1.0, 2.0 * settings.occlusion):
            self._renderer.set_gripper(draw_gripper(rng, radius))
            grasps = draw_grasps(rng, poses, radius, settings.occlusion)
        camera = draw_camera(rng, settings.camera)
        pictures = self._renderer.render(poses, fov, lamps, grasps)
        alpha = pictures.rgba[..., 3].astype(np.float32) / np.float32(255.0)
        scenes = self._scenes(rng, views)
        shaded = [shaded_by(rng, scene, mask, settings.lighting) for scene, mask in zip(scenes, alpha, strict=True)]
        return camera.take(rng, pictures.over(np.stack(shaded))), poses

    def _scenes(self, rng: np.random.Generator, views: int) -> list[NDArray[np.float32]]:
        size, kind = self._settings.image_size, self._settings.background
        if kind == "plain":
            return [plain_background(size)] * views
        if kind == "constant":
            return [draw_scene(rng, size, self._settings.clutter)] * views
        return [draw_scene(rng, size, self._settings.clutter) for _ in range(views)]

    def _views(self) -> NDArray[np.uint8]:
        self._renderer.set_gripper(None)
        pictures = self._renderer.render(view_poses(), FOV_DEG, [NEUTRAL_LAMP])
        return pictures.over(plain_background(self._settings.image_size))

    def _generator(self, task: Task, number: int) -> np.random.Generator:
        """A random generator of the object's episode."""
        seeds = [self._settings.seed, zlib.crc32(task.category.encode()), task.index, number]
        return np.random.default_rng(np.random.SeedSequence(seeds))


def _second(lamp: Lamp) -> Lamp:
    """The lamp as an additional one: it adds no ambient light."""
    return Lamp(lamp.towards, ambient=0.0, diffuse=0.6 * lamp.diffuse, specular=lamp.specular, colour=lamp.colour)
