"""Draws all frames of one object: its episodes and, for a test object, its canonical views."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.backgrounds import draw_background, plain_background
from aassl_ros.sim.catalogue import Catalogue, CatalogueSettings
from aassl_ros.sim.object_renderer import ObjectRenderer
from aassl_ros.sim.surface import Pattern, draw_pattern
from aassl_ros.synth.scenery import FOV_DEG, NEUTRAL_LAMP, draw_lamp, draw_motion
from aassl_ros.synth.settings import SynthSettings
from aassl_ros.synth.task import Drawn, Task
from aassl_ros.synth.view_grid import view_poses


class Drawer:
    """Draws objects in one process."""

    def __init__(self, settings: SynthSettings) -> None:
        self._settings = settings
        self._catalogue = Catalogue(settings.seed, CatalogueSettings(variation=settings.variation))
        self._renderer = ObjectRenderer(settings.image_size)

    def draw(self, task: Task) -> Drawn:
        """Draw the frames of this task. They depend only on the settings and the task."""
        self._renderer.set_object(self._catalogue.instance(task.category, task.index))
        pattern = draw_pattern(self._generator(task, 0), self._settings.texture)
        episodes = range(task.first, task.first + task.count)
        drawn = [self._episode(self._generator(task, 1 + number), pattern) for number in episodes]
        frames, poses = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
        return Drawn(frames, poses, self._views(pattern) if task.has_views else frames[0, :0])

    def close(self) -> None:
        self._renderer.close()

    def _episode(self, rng: np.random.Generator, pattern: Pattern) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        settings = self._settings
        poses, fov = draw_motion(
            rng, settings.views, (settings.least_turn_deg, settings.most_turn_deg), settings.camera
        )
        pictures = self._renderer.render(poses, fov, draw_lamp(rng, settings.lighting), pattern)
        return pictures.over(self._background(rng)), poses

    def _background(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """The background of an episode: one picture [S, S, 3], or one for each frame [F, S, S, 3]."""
        size, clutter = self._settings.image_size, self._settings.clutter
        if self._settings.background == "plain":
            return plain_background(size)
        if self._settings.background == "constant":
            return draw_background(rng, size, clutter)
        return np.stack([draw_background(rng, size, clutter) for _ in range(self._settings.views)])

    def _views(self, pattern: Pattern) -> NDArray[np.uint8]:
        pictures = self._renderer.render(view_poses(), FOV_DEG, NEUTRAL_LAMP, pattern)
        return pictures.over(plain_background(self._settings.image_size))

    def _generator(self, task: Task, number: int) -> np.random.Generator:
        """A random generator of the object. Number 0 is for its surface, 1 and higher for its episodes."""
        seeds = [self._settings.seed, zlib.crc32(task.category.encode()), task.index, number]
        return np.random.default_rng(np.random.SeedSequence(seeds))
