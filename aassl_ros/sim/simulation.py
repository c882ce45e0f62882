"""Runs the world in time: when it takes steps, reads joints and draws frames, and which command is active.

Physics runs at 300 Hz. Joints are read at steps. Frames are drawn half way between two steps, so that a frame never has
the stamp of a joint state, and interpolation between joint states is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import ConfigError
from aassl_ros.motion.trajectory import CommandInForce, Trajectory
from aassl_ros.settings import setting
from aassl_ros.sim.robot_body import JointReading
from aassl_ros.sim.world import World, WorldSettings

STEP_HZ = 300
# Simulated time starts here, because 0 means "no time" in ROS.
START_NS = 1_000_000_000
_HALF_STEPS_PER_S = 2 * STEP_HZ
_HALF_STEP_S = 1.0 / _HALF_STEPS_PER_S
_NS_PER_S = 1_000_000_000
# The simulator does not need past commands. They are dropped this often.
_FORGET_EVERY_STEPS = STEP_HZ


@dataclass(frozen=True)
class SimulationSettings(WorldSettings):
    """Settings of the world, and the rates of frames and joint states."""

    camera_hz: int = setting(30, "Frames per second; must be a divisor of 300.", minimum=1, maximum=150)
    joint_hz: int = setting(100, "Joint states per second; must be a divisor of 300.", minimum=1, maximum=300)
    seed: int = setting(0, "The same seed and the same commands give the same frames.", minimum=0)


@dataclass(frozen=True)
class JointEvent:
    """The joints were read."""

    stamp_ns: int
    joints: JointReading


@dataclass(frozen=True)
class FrameEvent:
    """A frame was drawn. frame: uint8 [H, W, 3] RGB.

    joints: at the time of the frame. object_pose: float64 [7] in the camera's optical frame, None if the hand is empty.
    is_first: whether this is the first frame since the object was swapped.
    """

    stamp_ns: int
    frame: NDArray[np.uint8]
    joints: JointReading
    object_pose: NDArray[np.float64] | None
    is_first: bool


class Simulation:
    """Runs a world step by step. The caller says up to which time, and gets the events until then."""

    def __init__(self, world: World, settings: SimulationSettings) -> None:
        """Raises ConfigError if a rate is not a divisor of 300."""
        self.world = world
        self._joint_period = _period(settings.joint_hz, "joint_hz")
        self._frame_period = 2 * _period(settings.camera_hz, "camera_hz")
        # An odd number of half steps lies between two steps; this one is near the middle of the first period.
        self._frame_phase = (self._frame_period // 2) | 1
        self._half_steps = 0
        self._command = CommandInForce(world.joint_names)
        self._unseen = False

    @property
    def time_ns(self) -> int:
        """The current simulated time."""
        return START_NS + self._half_steps * _NS_PER_S // _HALF_STEPS_PER_S

    def command(self, trajectory: Trajectory) -> None:
        """Make a trajectory active from its stamp on, or from now if the stamp is 0.

        Raises TrajectoryError if it names an unknown joint.
        """
        self._command.add(trajectory, self.time_ns)

    def swap_object(self, instance: str | None) -> None:
        """Put another object in the hand, or none. Raises SimulationError if the catalogue has no such instance."""
        self.world.set_object(instance)
        self._unseen = True

    def run_until(self, time_ns: int) -> Iterator[JointEvent | FrameEvent]:
        """Take all steps that end at or before `time_ns`. Yields the events in order."""
        while START_NS + (self._half_steps + 2) * _NS_PER_S // _HALF_STEPS_PER_S <= time_ns:
            yield from self._step()

    def _step(self) -> Iterator[JointEvent | FrameEvent]:
        if (self._half_steps + 1) % self._frame_period == self._frame_phase:
            self._advance(1)
            yield self._draw()
            self._advance(1)
        else:
            self._advance(2)
        steps = self._half_steps // 2
        if steps % self._joint_period == 0:
            yield JointEvent(self.time_ns, self.world.joint_state())
        if steps % _FORGET_EVERY_STEPS == 0:
            self._command.forget_before(self.time_ns)

    def _advance(self, half_steps: int) -> None:
        self._half_steps += half_steps
        self.world.set_command(self._command.at(self.time_ns), self._command.velocity_at(self.time_ns))
        self.world.step(half_steps * _HALF_STEP_S)

    def _draw(self) -> FrameEvent:
        frame = self.world.render()
        pose = self.world.object_pose() if self.world.object is not None else None
        is_first, self._unseen = self._unseen, False
        return FrameEvent(self.time_ns, frame, self.world.joint_state(), pose, is_first)


def _period(rate_hz: int, name: str) -> int:
    """Number of steps from one event to the next."""
    if STEP_HZ % rate_hz:
        rates = ", ".join(str(rate) for rate in range(1, STEP_HZ + 1) if STEP_HZ % rate == 0)
        raise ConfigError(f"{name} = {rate_hz}, expected a divisor of {STEP_HZ}: {rates}.")
    return STEP_HZ // rate_hz
