"""Watches whether a measured arm follows its command, and whether it stands still."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# How long, by the stamps of the joint states, a joint may deviate from its command before the arm counts as not
# following. On a busy machine commands come late, and an arm near its speed limits needs time to catch up.
_FOLLOWING_NS = 2_000_000_000
# A joint that was commanded to move this far (rad) in the first half of a time, and moved by less than this share of it
# in the whole time, is stuck. The second half is time for it to begin.
_STUCK_WAY, _STUCK_SHARE = 0.1, 0.1
# An arm stands still if no joint has moved by more than this (rad) for this time (s).
_STILL_RAD, _STILL_S = 0.02, 0.3


class StillnessWatch:
    """Tells whether an arm stands still. Noise of the measurement is no motion."""

    def __init__(self) -> None:
        self._place: Array | None = None
        self._since_s = 0.0

    def see(self, measured: Array, at_s: float) -> None:
        """Take a measured position [J], rad, and the time of its receipt."""
        if self._place is None or np.max(np.abs(measured - self._place)) > _STILL_RAD:
            self._place, self._since_s = measured, at_s

    def still(self, at_s: float) -> bool:
        """Whether the arm has stood still until this time."""
        return self._place is not None and at_s - self._since_s >= _STILL_S


class FollowingWatch:
    """Compares measured with commanded positions of J joints, by the stamps of the joint states."""

    def __init__(self, joints: Sequence[str], *, stuck_s: float = 1.0) -> None:
        """stuck_s: a joint that does not move at all for this time, though it is commanded to, is stuck, s."""
        self._joints, self._window_ns = tuple(joints), round(stuck_s * 1e9)
        self._seen: deque[tuple[int, Array, Array]] = deque()
        self._followed_ns = 0
        self._away: Array = np.zeros(len(self._joints))

    def restart(self, now_ns: int) -> None:
        """Forget the past, because the arm starts from its measured position."""
        self._seen.clear()
        self._followed_ns = now_ns
        self._away = np.zeros(len(self._joints))

    def see(self, stamp_ns: int, measured: Array, commanded: Array) -> None:
        """Take a measured and a commanded position [J], rad, at one stamp. NaN: not commanded yet."""
        self._away = np.nan_to_num(np.abs(measured - commanded))
        if self._seen and stamp_ns < self._seen[-1][0]:  # the clock was set back
            self._seen.clear()
        self._seen.append((stamp_ns, measured, np.where(np.isnan(commanded), measured, commanded)))
        while len(self._seen) > 1 and self._seen[1][0] <= stamp_ns - self._window_ns:
            self._seen.popleft()

    def strayed(self, tolerance: float) -> str:
        """Text that names a joint which was more than `tolerance` (rad) from its command for too long; or empty."""
        if not self._seen:
            return ""
        stamp_ns, worst = self._seen[-1][0], int(np.argmax(self._away))
        if self._away[worst] <= tolerance:
            self._followed_ns = stamp_ns
        late = stamp_ns - self._followed_ns > _FOLLOWING_NS
        return f"{self._joints[worst]} is {self._away[worst]:.2f} rad" if late else ""

    def stuck(self) -> str:
        """Text that names a joint which does not move although it is commanded to; empty if there is none."""
        if not self._seen or self._seen[-1][0] - self._seen[0][0] < self._window_ns:
            return ""
        middle_ns = self._seen[-1][0] - self._window_ns // 2
        commanded = np.ptp([command for stamp, _, command in self._seen if stamp <= middle_ns], axis=0)
        moved = np.ptp([measured for _, measured, _ in self._seen], axis=0)
        stuck = (commanded >= _STUCK_WAY) & (moved < _STUCK_SHARE * commanded)
        if not stuck.any():
            return ""
        joint = int(np.argmax(np.where(stuck, commanded, 0)))
        return f"{self._joints[joint]} stays where it is, though it was commanded to move by {commanded[joint]:.2f} rad"
