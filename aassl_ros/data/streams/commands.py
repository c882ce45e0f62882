"""Commands from messages of any of the accepted types, and the command that is active at a stamp.

| type | command at a frame's stamp |
|---|---|
| trajectory_msgs/JointTrajectory | the point of the active trajectory (motion/trajectory.py) |
| control_msgs/JointTrajectoryControllerState | `reference`, on a line between the two messages around the stamp; the
  earlier one if they are further apart than max_bracket_s, or if there is no later one |
| sensor_msgs/JointState (a leader arm) | the last positions before the stamp |
| std_msgs/Float64MultiArray (forward controllers) | the last positions received before the stamp |
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError, TrajectoryError
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

CONTROLLER_STATE = "control_msgs/msg/JointTrajectoryControllerState"
FLOAT64_MULTI_ARRAY = "std_msgs/msg/Float64MultiArray"
COMMAND_TYPES = (messages.JOINT_TRAJECTORY, CONTROLLER_STATE, messages.JOINT_STATE, FLOAT64_MULTI_ARRAY)
"""Message types that a command topic may have."""

# Old setpoints are removed in groups of this size, because each removal moves all others.
_CUT_AT = 512
_OTHER_CLOCK_NS = 3600 * 1_000_000_000


@dataclass(frozen=True, eq=False)
class Setpoint:
    """Positions that are commanded from one stamp on.

    joint_names: of J joints. stamp_ns: 0 means "at receipt". positions: float64 [J], rad or m, finite.
    interpolated: whether the command moves on a line to the next setpoint; if not, it stays.
    """

    joint_names: tuple[str, ...]
    stamp_ns: int
    positions: NDArray[np.float64]
    interpolated: bool = False

    def __post_init__(self) -> None:
        names = self.joint_names
        if not names or self.positions.shape != (len(names),) or len(set(names)) != len(names):
            raise TrajectoryError(f"command has {len(self.positions)} positions of {len(names)} joints.")
        if not np.isfinite(self.positions).all():
            raise TrajectoryError("command positions: found NaN or infinity, expected finite numbers.")


Command = Trajectory | Setpoint


def command_from_message(msgtype: str, message: Any, joints: Sequence[str] = ()) -> Command:
    """Convert a message on a command topic.

    Args:
        msgtype: one of COMMAND_TYPES.
        message: of rclpy or rosbags.
        joints: of the joint group, in order; only for messages without joint names.

    Raises:
        TrajectoryError: the command is not valid.
        DataError: no command can be of this type.
    """
    if msgtype == messages.JOINT_TRAJECTORY:
        return messages.trajectory_from_message(message)
    if msgtype == messages.JOINT_STATE:
        stamp_ns = messages.stamp_ns(message.header.stamp)
        return Setpoint(tuple(message.name), stamp_ns, np.array(message.position, np.float64))
    if msgtype == CONTROLLER_STATE:
        # `desired` is its name in Humble.
        point = message.reference if hasattr(message, "reference") else message.desired
        stamp_ns = messages.stamp_ns(message.header.stamp)
        return Setpoint(tuple(message.joint_names), stamp_ns, np.array(point.positions, np.float64), interpolated=True)
    if msgtype == FLOAT64_MULTI_ARRAY:
        positions = np.array(message.data, np.float64)
        if len(positions) != len(joints):
            told = f"{len(joints)} joints" if joints else "no known joints"
            raise TrajectoryError(f"command has {len(positions)} positions, but its joint group has {told}.")
        return Setpoint(tuple(joints), 0, positions)
    raise DataError(f"a command of type {msgtype}, expected one of {', '.join(COMMAND_TYPES)}.")


@dataclass
class _Series:
    """The setpoints of one joint, by rising stamps."""

    interpolated: bool
    stamps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def at(self, stamp_ns: int, max_bracket_ns: int) -> float:
        after = bisect_right(self.stamps, stamp_ns)
        if after == 0:
            return float("nan")
        before = self.values[after - 1]
        if not self.interpolated or after == len(self.stamps):
            return before
        start_ns, end_ns = self.stamps[after - 1], self.stamps[after]
        if end_ns - start_ns > max_bracket_ns:
            return before
        return before + (stamp_ns - start_ns) / (end_ns - start_ns) * (self.values[after] - before)

    def forget_before(self, stamp_ns: int) -> None:
        cut = bisect_left(self.stamps, stamp_ns) - 1
        if cut >= _CUT_AT:
            del self.stamps[:cut], self.values[:cut]


def check_clock(start_ns: int, joints_ns: int | None) -> None:
    """Check that a command and the joint states are stamped by the same clock.

    Args:
        start_ns: when the command starts, ns.
        joints_ns: stamp of the newest joint state, ns; None if there is none.

    Raises:
        TrajectoryError: they are more than an hour apart. A simulated time begins near 0, a real one in 1970.
    """
    if joints_ns is not None and abs(start_ns - joints_ns) > _OTHER_CLOCK_NS:
        raise TrajectoryError(
            f"command starts at {start_ns * 1e-9:.0f} s, but the joint states are stamped {joints_ns * 1e-9:.0f} s: "
            "by another clock. Set use_sim_time of the node that commands as for the others."
        )


class ActiveCommands:
    """Takes trajectories and setpoints as they arrive, and returns the command of all joints at a stamp.

    A joint is commanded either by trajectories or by setpoints of one kind.

    Args:
        max_bracket_ns: longest time between two setpoints for interpolation, ns.
    """

    def __init__(self, max_bracket_ns: int) -> None:
        self._max_bracket_ns = max_bracket_ns
        self._trajectories = CommandInForce()
        self._series: dict[str, _Series] = {}
        self._names: dict[str, None] = {}

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The order of the array that `at` returns."""
        return tuple(self._names)

    def add(self, command: Command, receipt_ns: int) -> None:
        """Take a command. receipt_ns: by the clock of the stamps, for a command without stamp.

        Raises:
            TrajectoryError: another kind of message commands one of its joints, or a setpoint is not newer.
        """
        start_ns = command.stamp_ns or receipt_ns
        if isinstance(command, Trajectory):
            self._refuse_other_kind(command, set(self._series))
            self._trajectories.add(command, receipt_ns)
        else:
            self._refuse_other_kind(command, set(self._trajectories.joint_names))
            for name in command.joint_names:
                series = self._series.get(name)
                if series is not None and series.interpolated != command.interpolated:
                    self._refuse_other_kind(command, {name})
                if series is not None and series.stamps and series.stamps[-1] >= start_ns:
                    raise TrajectoryError(f"command of {name} is not newer than the one before.")
            for name, position in zip(command.joint_names, command.positions.tolist(), strict=True):
                series = self._series.setdefault(name, _Series(command.interpolated))
                series.stamps.append(start_ns)
                series.values.append(position)
        self._names.update(dict.fromkeys(command.joint_names))

    def at(self, stamp_ns: int) -> NDArray[np.float64]:
        """Commanded positions, float64 [J]; NaN for a joint that is not commanded by this stamp."""
        if not self._series:
            return self._trajectories.at(stamp_ns)
        found = dict(zip(self._trajectories.joint_names, self._trajectories.at(stamp_ns).tolist(), strict=True))
        found |= {name: series.at(stamp_ns, self._max_bracket_ns) for name, series in self._series.items()}
        return np.array([found[name] for name in self._names])

    def clear(self) -> None:
        """Drop all commands. The joint names and their order stay."""
        self._trajectories.clear()
        for series in self._series.values():
            series.stamps.clear()
            series.values.clear()

    def forget_before(self, stamp_ns: int) -> None:
        """Drop the commands that no time from this stamp on needs."""
        self._trajectories.forget_before(stamp_ns)
        for series in self._series.values():
            series.forget_before(stamp_ns)

    def _refuse_other_kind(self, command: Command, others: set[str]) -> None:
        if both := [name for name in command.joint_names if name in others]:
            raise TrajectoryError(f"two kinds of messages command {both[0]}: give each joint one command topic.")
