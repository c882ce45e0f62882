"""Tells apart several publishers of the same joints, by the jumps between their states.

A bag does not say who published a message. Interpolation between the states of two publishers gives positions that no
joint ever had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A state this far (rad or m) from the one before, at this speed (rad/s or m/s), is not of the same publisher.
_JUMP = 0.01
_JUMP_SPEED = 5.0
# A state this near to the one before does not jump, however its difference is rounded.
_NEAR = 0.5 * _JUMP
# A joint that is set to another position jumps once. So many changes from one publisher to the other are no accident.
_CHANGES = 5
_MOST_TRACKS = 8
# A state is back at its publisher's last one if the jump was so many times as large.
_RETURNED = 0.2

MIXED = "joint states of several publishers are mixed"


class PublisherTracks:
    """Follows each publisher's states: a state belongs to the publisher whose last state is nearest.

    Args:
        wanted: 1 for the publisher that came first, 2 for the second, and so on; 0 for all.
    """

    def __init__(self, wanted: int = 0) -> None:
        self._wanted = wanted
        self._tracks: list[_Track] = []
        self._owner: dict[str, _Track] = {}
        self._changed: dict[str, tuple[_Track, _Track]] = {}
        self._doubtful: tuple[_Track, _Track] | None = None
        self.changes = 0

    def clear(self) -> None:
        """Forget the states: the clock was set back."""
        self._tracks.clear()
        self._owner.clear()
        self._doubtful = None

    def take(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bool:
        """Take a joint state.

        Args:
            stamp_ns: its stamp, ns.
            names: of n joints.
            positions: n values, rad or m, not NaN.

        Returns:
            Whether it is of the wanted publisher.
        """
        if self._take_usual(stamp_ns, names, positions):
            return True
        state = dict(zip(names, positions, strict=True))
        self._settle_doubt(state)
        rivals = self._rivals(state)
        track = min(rivals, key=lambda one: one.distance(state), default=None)
        if track is None or (track.jumps(stamp_ns, state) and len(self._tracks) < _MOST_TRACKS):
            parent, track = track, _Track(len(self._tracks) + 1, state)
            self._doubtful = None if parent is None else (parent, track)
            self._tracks.append(track)
            rivals.append(track)
        elif self._doubtful is None:
            self._count_change(track, names)
        track.follow(stamp_ns, state)
        self._owner.update(dict.fromkeys(names, track))
        return not self._wanted or rivals.index(track) == self._wanted - 1

    def take_block(self, stamps_ns: NDArray[np.int64], names: Sequence[str], positions: NDArray[np.float64]) -> bool:
        """Take joint states of one publisher, as `take` for each would.

        Args:
            stamps_ns: int64 [n], increasing, ns.
            names: of J joints.
            positions: float64 [n, J], rad or m, not NaN.

        Returns:
            False if they must be taken one by one: they may be of several publishers. Nothing is taken then.
        """
        if len(self._tracks) != 1 or self._doubtful is not None or self._wanted > 1:
            return False
        (track,) = self._tracks
        if track.stamp_ns is None or track.last.keys() != set(names) or len(track.last) != len(names):
            return False
        all_stamps = np.concatenate([[track.stamp_ns], stamps_ns])
        all_positions = np.concatenate([[[track.last[name] for name in names]], positions])
        distance = np.abs((np.diff(all_positions, axis=0) + math.pi) % math.tau - math.pi).max(axis=1)
        if bool(((distance > _JUMP) & (distance > _JUMP_SPEED * np.abs(np.diff(all_stamps)) / 1e9)).any()):
            return False
        track.follow(int(stamps_ns[-1]), dict(zip(names, positions[-1].tolist(), strict=True)), len(stamps_ns))
        return True

    def take_near(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bool:
        """Take a state of the only publisher, of the joints of its last state, all of which have hardly moved.

        Returns false if the state is none of these: nothing is taken then.
        """
        if len(self._tracks) != 1 or self._doubtful is not None or self._wanted > 1:
            return False
        return self._tracks[0].follow_near(stamp_ns, names, positions)

    def _take_usual(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bool:
        """Take a state of the only publisher, all of its joints, without a jump. This is what nearly all states are.

        Returns false if the state is none of these: nothing is taken then.
        """
        if len(self._tracks) != 1 or self._doubtful is not None or self._wanted > 1:
            return False
        (track,) = self._tracks
        state = dict(zip(names, positions, strict=True))
        if state.keys() != track.last.keys() or track.jumps(stamp_ns, state):
            return False
        track.follow(stamp_ns, state)
        track.keep_row(names, positions)
        return True

    def _rivals(self, state: dict[str, float]) -> list[_Track]:
        """The tracks of these joints, or some of them, in order of their beginning."""
        return [track for track in self._tracks if not state.keys().isdisjoint(track.last)]

    def _settle_doubt(self, state: dict[str, float]) -> None:
        """Decide by the next state if a jump was another publisher, which is so if the state jumps back."""
        if self._doubtful is None or state.keys().isdisjoint(self._doubtful[1].last):
            return
        parent, track = self._doubtful
        self._doubtful = None
        nearest = min(self._rivals(state), key=lambda one: one.distance(state))
        if nearest is not track and nearest.distance(state) < _RETURNED * track.distance(state):
            return
        # The joint moved fast, or was set to another position.
        parent.join(track)
        self._tracks.remove(track)
        self._owner = {name: parent if owner is track else owner for name, owner in self._owner.items()}

    def _count_change(self, track: _Track, names: Sequence[str]) -> None:
        before = {name: self._owner[name] for name in names if self._owner.get(name, track) is not track}
        if before:
            self.changes += 1
            self._changed = {name: (owner, track) for name, owner in before.items()}

    @property
    def problem(self) -> str:
        """Which publishers are mixed, and what to do; empty if none are, or one is chosen."""
        if self._wanted or self.changes < _CHANGES or not self._changed:
            return ""
        joint = max(self._changed, key=lambda name: _apart(name, *self._changed[name]))
        pair = self._changed[joint]
        first, second = sorted(pair, key=lambda track: track.number)
        return (
            f"{MIXED}: {joint} changed {self.changes} times between two. 1 began with {first.described()} "
            f"({first.count} states), 2 with {second.described()} ({second.count} states). Stop one of them, or take "
            "one: --joint-publisher 1 or 2 (joint_publisher of a node)"
        )


class _Track:
    """The states of one publisher."""

    def __init__(self, number: int, first: dict[str, float]) -> None:
        self.number, self.first = number, first
        self.stamp_ns: int | None = None
        self.count = 0
        self._last = dict(first)
        # The last state if it had all joints: its names, and its positions, which may not be in _last yet.
        self._names: Sequence[str] | None = None
        self._row: Sequence[float] = ()

    @property
    def last(self) -> dict[str, float]:
        """The last position of each joint."""
        if self._names is not None:
            self._last.update(zip(self._names, self._row, strict=True))
        return self._last

    def distance(self, state: dict[str, float]) -> float:
        """The largest difference to the last state over the joints of both; angles as if they wrap."""
        return max(_difference(state[name], self.last[name]) for name in state.keys() & self.last.keys())

    def jumps(self, stamp_ns: int, state: dict[str, float]) -> bool:
        distance = self.distance(state)
        elapsed_s = abs(stamp_ns - self.stamp_ns) / 1e9 if self.stamp_ns is not None else math.inf
        return distance > _JUMP and distance > _JUMP_SPEED * elapsed_s

    def follow_near(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bool:
        """Take a state of all joints if each has hardly moved. Returns false if not: nothing is taken then."""
        if names != self._names:
            return False
        for position, before in zip(positions, self._row, strict=True):
            if not -_NEAR <= position - before <= _NEAR:
                return False
        self._row = positions
        self.stamp_ns = stamp_ns
        self.count += 1
        return True

    def keep_row(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Remember the state that was just taken, which has all joints, for `follow_near`."""
        self._names, self._row = names, positions

    def follow(self, stamp_ns: int, state: dict[str, float], count: int = 1) -> None:
        """Take a state, or the last one of several."""
        self.last.update(state)
        self._names = None
        self.stamp_ns = stamp_ns
        self.count += count

    def join(self, later: _Track) -> None:
        """Go on where a later track is."""
        self.last.update(later.last)
        self._names = None
        self.stamp_ns = later.stamp_ns
        self.count += later.count

    def described(self) -> str:
        shown = [f"{name} = {value:.3g}" for name, value in list(self.first.items())[:3]]
        return ", ".join(shown) + (", ..." if len(self.first) > 3 else "")


def _apart(joint: str, one: _Track, other: _Track) -> float:
    return _difference(one.last[joint], other.last[joint])


def _difference(one: float, other: float) -> float:
    return abs((one - other + math.pi) % math.tau - math.pi)
