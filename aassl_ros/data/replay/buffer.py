"""A bounded ring of the newest frames with their states, from which the trainer draws pairs while frames come in."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.partners import draw_partners, window_ranges
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.errors import DataError

EPISODE_GAP = 1 << 42
"""Distance of keys between episodes: 4,398 s in ns, wider than any window (see pairs/partners.py)."""
_DRAWS = 8
"""Partners drawn for a frame until one has an action."""
_LATE_FRAMES = 1000
"""Frames that a pose may come after its own and still be set: half a minute at 30 Hz."""


@dataclass(frozen=True)
class RawPairs:
    """N pairs: first, second uint8 [N, S, S, 3]; actions float32 [N, A], not normalised, or [N, 0] without a space."""

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    actions: NDArray[np.float32]


class ReplayBuffer:
    """The newest `capacity` frames of one robot; any thread may append, discard and sample.

    The arrays of States (see actions.py) are indexed by slot, the frame's place in the ring. Frames of an episode come
    one after another; where another episode comes between, the two stretches are kept apart.
    """

    def __init__(
        self,
        capacity: int,
        image_size: int,
        joint_names: Sequence[str],
        command_names: Sequence[str] = (),
        continuous_joints: Sequence[str] = (),
    ) -> None:
        if capacity < 2:
            raise DataError(f"replay buffer of {capacity} frames: a pair needs at least 2.")
        self.capacity = capacity
        self.joint_names, self.command_names = tuple(joint_names), tuple(command_names)
        self.continuous_joints = tuple(continuous_joints)
        # Memory is taken page by page as frames come: a large ring costs nothing before it fills.
        self.frames = np.empty((capacity, image_size, image_size, 3), np.uint8)
        self.stamps_ns = np.zeros(capacity, np.int64)
        self.joint_position = np.full((capacity, len(self.joint_names)), np.nan, np.float32)
        self.joint_command = np.full((capacity, len(self.command_names)), np.nan, np.float32)
        self.object_pose = np.full((capacity, 7), np.nan)
        self.tip_pose = np.full((capacity, 7), np.nan)
        # A robot's own streams are all there is to learn from: no recorded columns as data sets have them.
        self.recorded_names: tuple[str, ...] = ()
        self.recorded = np.zeros((capacity, 0))
        self.episode_of = np.full(capacity, -1, np.int64)
        # Keys are written twice, a capacity apart, so that the ring's frames are always one sorted slice, oldest first.
        self._frame_keys = np.zeros(2 * capacity, np.int64)
        self._time_keys = np.zeros(2 * capacity, np.int64)
        self._slots = np.arange(2 * capacity) % capacity
        self._valid = np.zeros(capacity, bool)
        # Of episodes that are held and not discarded: the number by name; name and count of frames by number.
        self._numbers: dict[Hashable, int] = {}
        self._names: dict[int, Hashable] = {}
        self._frames_held: dict[int, int] = {}
        self._next_number = 0
        self._appended = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Frames held now, discarded ones included."""
        return min(self._appended, self.capacity)

    @property
    def appended(self) -> int:
        """Frames ever appended."""
        return self._appended

    @property
    def episode_count(self) -> int:
        """Different episodes that frames are held of now, without discarded ones."""
        return len(self._numbers)

    def append(
        self,
        frame: NDArray[np.uint8],
        stamp_ns: int,
        episode: Hashable,
        joint_position: ArrayLike | None = None,
        joint_command: ArrayLike | None = None,
        object_pose: ArrayLike | None = None,
        tip_pose: ArrayLike | None = None,
    ) -> None:
        """Add a frame uint8 [S, S, 3], the oldest making room; states are in the order of the names, None unknown.

        Raises DataError where the frame is of another size, or its stamp does not rise within its episode.
        """
        if frame.shape != self.frames.shape[1:] or frame.dtype != np.uint8:
            raise DataError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self.frames.shape[1:]}.")
        with self._lock:
            number = self._numbers.get(episode, self._next_number)
            slot, last = self._appended % self.capacity, (self._appended - 1) % self.capacity
            goes_on = self._appended > 0 and self.episode_of[last] == number
            elapsed_ns = stamp_ns - int(self.stamps_ns[last])
            if goes_on and elapsed_ns <= 0:
                raise DataError(f"stamp {stamp_ns} does not come after {self.stamps_ns[last]} of the same episode.")
            for array, value in (
                (self.joint_position, joint_position),
                (self.joint_command, joint_command),
                (self.object_pose, object_pose),
                (self.tip_pose, tip_pose),
            ):
                array[slot] = np.nan if value is None else value
            self.frames[slot] = frame
            frame_key = self._frame_keys[last] + (1 if goes_on else EPISODE_GAP)
            time_key = self._time_keys[last] + (elapsed_ns if goes_on else EPISODE_GAP)
            self._frame_keys[[slot, slot + self.capacity]] = frame_key
            self._time_keys[[slot, slot + self.capacity]] = time_key
            self._give_up(slot)
            self._count_in(episode, number)
            self.stamps_ns[slot], self.episode_of[slot], self._valid[slot] = stamp_ns, number, True
            self._appended += 1

    def use_robot(self, robot: RobotKinematics) -> None:
        """Take what a robot description tells, for the frames held too: continuous joints, and the tip's poses."""
        with self._lock:
            self.continuous_joints = robot.continuous_joints
            held = slice(0, len(self))
            poses = robot.tip_poses(self.joint_names, self.joint_position[held].astype(np.float64))
            known = np.isfinite(poses).all(axis=1)
            self.tip_pose[held][known] = poses[known]

    def set_object_pose(self, stamp_ns: int, pose: ArrayLike) -> None:
        """Set the pose of one of the newest frames; a stamp that none of them has is nothing to do."""
        with self._lock:
            newest = (self._appended - 1 - np.arange(min(len(self), _LATE_FRAMES))) % self.capacity
            found = newest[self.stamps_ns[newest] == stamp_ns]
            self.object_pose[found[:1]] = pose

    def discard(self, episode: Hashable) -> None:
        """Never draw from this episode again; one that is not here is nothing to do."""
        with self._lock:
            number = self._numbers.pop(episode, None)
            if number is not None:
                self._valid[self.episode_of == number] = False
                del self._names[number], self._frames_held[number]

    def sample(self, batch: int, window: Window, space: ActionSpace | None, rng: np.random.Generator) -> RawPairs:
        """`batch` pairs of different first frames, uniform over those that have a partner and an action.

        Raises DataError where there are fewer.
        """
        with self._lock:
            count = len(self)
            first, second, actions = self._draw(rng.choice(count, min(count, 2 * batch), False), window, space, rng)
            if len(first) < batch:
                first, second, actions = self._draw(rng.permutation(count), window, space, rng)
            if len(first) < batch:
                raise DataError(
                    f"only {len(first)} of {count} frames have a partner, a batch takes {batch}. Wait for more."
                )
            return RawPairs(self.frames[first[:batch]], self.frames[second[:batch]], actions[:batch])

    def actions(self, pairs: int, window: Window, space: ActionSpace, rng: np.random.Generator) -> NDArray[np.float32]:
        """Actions float32 [at most `pairs`, A] drawn as `sample` draws them, to measure a normalisation by."""
        with self._lock:
            return self._draw(rng.integers(0, max(1, len(self)), pairs), window, space, rng)[2]

    def _give_up(self, slot: int) -> None:
        """Count a frame out that is about to be written over, and its episode if it was the last one held of it."""
        if not self._valid[slot]:
            return
        number = int(self.episode_of[slot])
        self._frames_held[number] -= 1
        if self._frames_held[number] == 0:
            del self._numbers[self._names.pop(number)], self._frames_held[number]

    def _count_in(self, episode: Hashable, number: int) -> None:
        """Count a new frame of an episode."""
        self._numbers[episode], self._names[number] = number, episode
        self._frames_held[number] = self._frames_held.get(number, 0) + 1
        self._next_number = max(self._next_number, number + 1)

    def _draw(
        self, positions: NDArray[np.int64], window: Window, space: ActionSpace | None, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Slots of pairs (first, second) and their actions, for those positions (0: oldest) that have all three."""
        start = self._appended % self.capacity if self._appended > self.capacity else 0
        held = slice(start, start + len(self))
        keys = (self._time_keys if window.unit == "seconds" else self._frame_keys)[held]
        slots = self._slots[held]
        ranges = window_ranges(window, keys, positions, window.key_range(EPISODE_GAP - 1))
        paired = (ranges.count > 0) & self._valid[slots[positions]]
        positions, ranges = positions[paired], ranges.take(paired)
        first = slots[positions]
        second = np.full(len(first), -1, np.int64)
        actions = np.zeros((len(first), 0 if space is None else space.size(self)), np.float32)
        for _ in range(_DRAWS):  # a partner without an action (no command yet) is drawn anew
            open_rows = np.flatnonzero(second < 0)
            if len(open_rows) == 0:
                break
            still = ranges.take(open_rows), positions[open_rows]
            drawn = slots[draw_partners(self, slots, *still, window, rng)]
            if space is not None:
                actions[open_rows] = space.displacement(self, first[open_rows], drawn)
            known = np.isfinite(actions[open_rows]).all(axis=1)
            second[open_rows[known]] = drawn[known]
        paired = second >= 0
        return first[paired], second[paired], actions[paired]
