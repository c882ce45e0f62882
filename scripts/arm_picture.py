"""Draws docs/images/arm.jpg: the simulated arm in its room, and what its camera sees while the arm turns an object.

Usage: python scripts/arm_picture.py docs/images/arm.jpg
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.motion.trajectory import CommandInForce
from aassl_ros.sim.world import STEP_S, World, WorldSettings

_OBJECT = "mug_0100"
_SIZE = 480
_SEEN_AT_S = (0.7, 1.7, 2.3, 3.4)


def draw(seconds: tuple[float, ...]) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
    """The room at the last of these times, uint8 [S, S, 3] RGB, and the camera's frame at each, uint8 [S/2, S/2, 3]."""
    arm = load_arm("panda")
    # The same arm and object, seen from further away. Two worlds of one seed that get the same commands move alike.
    visitor = dataclasses.replace(
        arm, camera_position=(1.75, 1.25, 0.95), camera_target=(0.34, 0.02, 0.38), camera_fov_deg=29.0
    )
    planner = ExplorationPlanner(arm, arm.chain(), ExplorationSettings(), np.random.default_rng(0))
    joints = len(arm.joints)
    frames = []
    settings = WorldSettings(image_size=_SIZE // 2, shadows=True, grip_tilt_deg=30.0, mesh_detail_m=0.002)
    with World(arm, settings) as world, World(visitor, dataclasses.replace(settings, image_size=_SIZE)) as room:
        for one in (world, room):
            one.set_object(_OBJECT)
        command = CommandInForce(world.joint_names)
        for step in range(round(max(seconds) / STEP_S) + 1):
            now_ns = round(step * STEP_S * 1e9)
            if step == 0 or now_ns >= planner.replan_at_ns:
                first = step == 0
                position = np.array(arm.home) if first else command.at(now_ns)[:joints]
                velocity = np.zeros(joints) if first else command.velocity_at(now_ns)[:joints]
                command.add(planner.next(now_ns, position, velocity), now_ns)
            for one in (world, room):
                one.set_command(command.at(now_ns), command.velocity_at(now_ns))
                one.step()
            if step in {round(second / STEP_S) for second in seconds}:
                frames.append(world.render())
        return room.render(), frames


def main() -> None:
    """Draw the picture and write it to the path given."""
    path = Path(sys.argv[1])
    room, frames = draw(_SEEN_AT_S)
    grid = np.vstack([np.hstack(frames[:2]), np.hstack(frames[2:])])
    gap = np.full((_SIZE, 8, 3), 255, np.uint8)
    picture = np.hstack([room, gap, grid])
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
