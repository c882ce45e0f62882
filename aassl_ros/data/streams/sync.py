"""Synchronizes streams to samples: each camera frame with the joint state and the command at its stamp.

The recorder, the trainer and `prepare` all use this class. It uses only stamps and never a clock, so that reading a bag
again gives the same samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aassl_ros.data.streams.clock_jump import JumpBack
from aassl_ros.data.streams.commands import ActiveCommands, Command, check_clock
from aassl_ros.data.streams.joint_groups import Rows
from aassl_ros.data.streams.joint_history import JointHistory
from aassl_ros.data.streams.joints import STREAM_ENDED, STREAM_SILENT, WENT_BACKWARD, JointState
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.sync_counts import BRACKET_UNIT_NS, SyncCounts
from aassl_ros.data.streams.window import Window
from aassl_ros.settings import describe, from_mapping, setting

# Joint states and commands are kept this long for late frames. One minute of states at 1 kHz needs about 50 MB.
_HISTORY_NS = 20_000_000_000
_FORGET_EVERY_NS = 1_000_000_000


@dataclass(frozen=True)
class SyncSettings:
    """How frames are matched with joint states and commands."""

    sample_timeout: float = setting(
        1.0, "How long a frame waits for the next joint state, in time of the stream, s", minimum=0.01, maximum=60.0
    )
    max_bracket_s: float = setting(
        0.1,
        "Largest gap between two joint states for interpolation, s; frames in larger gaps are dropped and counted",
        minimum=0.001,
        maximum=10.0,
    )
    command_wait_s: float = setting(
        0.05, "Largest delay of a command after its stamp, s; a later one counts as late", minimum=0.0, maximum=1.0
    )
    joints: tuple[str, ...] = setting((), "Joints that a sample must have, in order; empty: every joint received")
    joint_publisher: int = setting(
        0,
        "If publishers of the same joints are mixed: take the first (1), the second (2) and so on; 0: take all",
        minimum=0,
        maximum=8,
    )
    frame_stamp_offset_s: float = setting(0.0, "Added to the stamps of frames, s", minimum=-10.0, maximum=10.0)
    joint_stamp_offset_s: float = setting(0.0, "Added to the stamps of joint states, s", minimum=-10.0, maximum=10.0)
    command_stamp_offset_s: float = setting(0.0, "Added to the stamps of commands, s", minimum=-10.0, maximum=10.0)

    @classmethod
    def of_session(cls, session: Session, source: Path) -> SyncSettings:
        """The settings that a recording was made with, so that the samples come out the same.

        Args:
            session: of the bag.
            source: the bag, for the error message.

        Raises:
            ConfigError: a value is out of range.
        """
        known = {info.name for info in describe(cls)}
        found = {name: value for name, value in session.settings.items() if name in known}
        return from_mapping(cls, found, source=str(source))


class Synchronizer:
    """Takes the messages of all streams in order of receipt, and gives samples in order of the frames' stamps.

    If the stamps of frames or joint states jump back (for example, the simulator was restarted), all streams restart,
    so that nothing from before the jump is mixed with anything after it.

    Args:
        settings: the defaults if None.
        rejected: called with (stamp_ns, frame, reason) for each frame that gets no sample; `counts` counts the reasons.
        joints: keeps the joint states; NoJoints if the stream has none.
    """

    def __init__(
        self,
        settings: SyncSettings | None = None,
        rejected: Callable[[int, Any, str], None] | None = None,
        joints: JointHistory | None = None,
    ) -> None:
        self._settings = settings = settings or SyncSettings()
        self._joint_offset_ns = _nanoseconds(settings.joint_stamp_offset_s)
        self._frame_offset_ns = _nanoseconds(settings.frame_stamp_offset_s)
        self._command_wait_ns = _nanoseconds(settings.command_wait_s)
        self._timeout_ns = _nanoseconds(settings.sample_timeout)
        self._wait_ns = min(self._command_wait_ns, self._timeout_ns)
        self._rejected = rejected
        self._joints = joints or JointHistory(settings.joints, settings.joint_publisher)
        self._commands = ActiveCommands(_nanoseconds(settings.max_bracket_s))
        self._commanded = False
        self._pending: deque[tuple[int, Any]] = deque()
        self._made: list[Sample] = []
        self._frame_jump = JumpBack()
        self._last_frame_ns: int | None = None
        self._decided_ns: int | None = None
        self._forgotten_ns = 0
        self._quiet_until_ns = 0  # joint states before this stamp decide nothing
        self.counts = SyncCounts(joint_states_dropped=self._joints.dropped, too_wide_ms=self._joints.too_wide_ms)

    @property
    def pending(self) -> int:
        """The number of frames that wait for joint states."""
        return len(self._pending)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The joints in the settings, or all joints received so far."""
        return self._joints.names

    @property
    def publishers_problem(self) -> str:
        """Which publishers of the same joints are mixed, and what to do; empty if none are."""
        return self._joints.publishers_problem

    def add_joint_state(
        self,
        stamp_ns: int,
        names: Sequence[str],
        positions: ArrayLike,
        velocities: ArrayLike = (),
        efforts: ArrayLike = (),
    ) -> None:
        """Add a joint state of all or some joints. A message that is not valid or not newer is dropped and counted.

        Args:
            stamp_ns: its stamp, ns.
            names: the names of n joints.
            positions: [n], rad or m.
            velocities: [n] or empty.
            efforts: [n] or empty.
        """
        rows = [np.asarray(values, np.float64).tolist() for values in (positions, velocities, efforts)]
        self.add_joint_numbers(stamp_ns, tuple(names), rows)

    def add_joint_numbers(self, stamp_ns: int, names: tuple[str, ...], rows: Rows) -> bool:
        """Add a joint state faster. rows: positions, velocities, efforts as floats. Returns False if it was dropped."""
        stamp_ns += self._joint_offset_ns
        if self._joints.add_usual(stamp_ns, names, rows):
            return True
        if self._joints.jumps_back(stamp_ns, names):
            self._restart()
        return self._joints.add_numbers(stamp_ns, names, rows)

    def add_window(self, window: Window, frames: Sequence[Any]) -> bool:
        """Add joint states and frames as `add_joint_state` and `add_frame` for each would.

        Args:
            window: joint states, and the stamps of the frames.
            frames: any objects; the samples contain them.

        Returns:
            False if they must be added one by one. Nothing is added then.
        """
        block = window.joints
        block = replace(block, stamps_ns=block.stamps_ns + self._joint_offset_ns)
        moved = replace(window, joints=block)
        complete_ns, last_ns = self._joints.complete_through_ns, self._last_frame_ns
        in_step = moved.in_step(complete_ns, last_ns, self._frame_offset_ns, self._timeout_ns)
        if not in_step or not self._joints.add_block(block):
            return False
        stamps_ns = window.frames_ns.tolist()
        if stamps_ns and last_ns is not None:
            self._frame_jump.confirmed(stamps_ns[0], last_ns)  # no jump, see in_step
        self._last_frame_ns = stamps_ns[-1] if stamps_ns else last_ns
        self._quiet_until_ns = 0
        self._pending.extend(zip(stamps_ns, frames, strict=True))
        self.counts.frames += len(frames)
        return True

    def add_command(self, command: Command, receipt_ns: int) -> None:
        """Add a command. If it has no stamp, receipt_ns is used.

        Raises:
            TrajectoryError: it does not fit the commands before it, or another clock has stamped it.
        """
        offset_ns = _nanoseconds(self._settings.command_stamp_offset_s)
        start_ns = (command.stamp_ns or receipt_ns) + offset_ns
        check_clock(start_ns, self._joints.last_ns)
        if self._decided_ns is not None and start_ns <= self._decided_ns:
            self.counts.late_commands += 1
        self._commands.add(replace(command, stamp_ns=start_ns) if offset_ns else command, receipt_ns)
        self._commanded = True

    def add_frame(self, stamp_ns: int, frame: Any) -> None:
        """Add a frame. `ready` returns it as a sample once the joint states around it were received.

        Args:
            stamp_ns: its stamp, ns.
            frame: any object; the sample contains it.
        """
        self.counts.frames += 1
        if self._last_frame_ns is not None:
            if self._frame_jump.confirmed(stamp_ns, self._last_frame_ns):
                self._restart()
            elif stamp_ns <= self._last_frame_ns:
                self._reject(stamp_ns, frame, WENT_BACKWARD)
                return
        self._last_frame_ns = stamp_ns
        self._quiet_until_ns = 0
        self._pending.append((stamp_ns, frame))

    def ready(self) -> list[Sample]:
        """The samples that can be made now."""
        last_ns = self._joints.last_ns
        if last_ns is not None and last_ns < self._quiet_until_ns:
            return []
        made, self._made = self._made, []
        made += self._decide(self._may_decide, STREAM_SILENT)
        self._quiet_until_ns = self._forgotten_ns + _FORGET_EVERY_NS + _HISTORY_NS
        if self._pending:
            self._quiet_until_ns = min(self._quiet_until_ns, self._true_ns(self._pending[0][0]) + self._wait_ns)
        return made

    def flush(self) -> list[Sample]:
        """The samples of all waiting frames. Call it when no more joint states will come."""
        made, self._made = self._made, []
        return made + list(self._decide(lambda stamp_ns: True, STREAM_ENDED))

    def _restart(self) -> None:
        """Decide on the frames so far, then clear all streams, because their stamps are from before the jump."""
        self._made += self._decide(lambda stamp_ns: True, STREAM_ENDED)
        self._joints.clear()
        self._commands.clear()
        self._commanded = False
        self._last_frame_ns = self._decided_ns = None
        self._forgotten_ns = self._quiet_until_ns = 0
        self.counts.restarts += 1

    def _decide(self, may_decide: Callable[[int], bool], no_state_after: str) -> Iterator[Sample]:
        """Yield samples of the frames that may be decided.

        no_state_after: the reason given for a frame after the last joint state.
        """
        decided: list[tuple[int, Any]] = []
        while self._pending and may_decide(self._true_ns(self._pending[0][0])):
            decided.append(self._pending.popleft())
        true_ns = [self._true_ns(stamp_ns) for stamp_ns, _ in decided]
        states = self._joints.at_each(true_ns, _nanoseconds(self._settings.max_bracket_s)) if decided else ()
        for (stamp_ns, frame), at_ns, state in zip(decided, true_ns, states, strict=True):
            self._decided_ns = at_ns
            if isinstance(state, str):
                self._reject(stamp_ns, frame, no_state_after if state == STREAM_ENDED else state)
            else:
                yield self._sample(stamp_ns, at_ns, frame, state)
        self._forget()

    def _may_decide(self, stamp_ns: int) -> bool:
        """Whether a frame can be decided: joint states are newer by `command_wait_s`, or it has waited long enough."""
        complete_ns = self._joints.complete_through_ns
        if complete_ns is not None and complete_ns >= stamp_ns + self._command_wait_ns:
            return True
        newest_ns = max(self._true_ns(self._pending[-1][0]), self._joints.last_ns or 0)
        return newest_ns > stamp_ns + self._timeout_ns

    def _true_ns(self, frame_stamp_ns: int) -> int:
        return frame_stamp_ns + self._frame_offset_ns

    def _sample(self, stamp_ns: int, true_ns: int, frame: Any, state: JointState) -> Sample:
        command = self._commands.at(true_ns) if self._commanded else None
        if command is not None and np.isnan(command).all():
            command = None
        self.counts.samples += 1
        self.counts.brackets[round(state.bracket_ns / BRACKET_UNIT_NS)] += 1
        arrays = (state.position, state.velocity, state.effort)
        return Sample(
            stamp_ns, frame, state.names, *arrays, command, self._commands.joint_names, bracket_ns=state.bracket_ns
        )

    def _reject(self, stamp_ns: int, frame: Any, reason: str) -> None:
        self.counts.rejected[reason] += 1
        if self._rejected is not None:
            self._rejected(stamp_ns, frame, reason)

    def _forget(self) -> None:
        newest_ns = max(self._decided_ns or 0, self._joints.last_ns or 0)
        oldest_ns = newest_ns - _HISTORY_NS
        if self._pending:
            oldest_ns = min(oldest_ns, self._true_ns(self._pending[0][0]))
        if oldest_ns > self._forgotten_ns + _FORGET_EVERY_NS:
            self._forgotten_ns = oldest_ns
            self._joints.forget_before(oldest_ns)
            self._commands.forget_before(oldest_ns)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
