"""A ring buffer of the newest frames with their states. The trainer draws pairs from it while frames are added."""

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
"""Maximum number of partners drawn for a frame until one has an action."""
_LATE_FRAMES = 1000
"""A pose may be this many frames late and is still set: half a minute at 30 Hz."""


@dataclass(frozen=True)
class RawPairs:
    """N pairs of frames.

    first, second: uint8 [N, S, S, 3]. actions: float32 [N, A], not normalised; [N, 0] without an action space.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    actions: NDArray[np.float32]


class ReplayBuffer:
    """The newest `capacity` frames of one robot. Any thread may append, discard and sample.

    The arrays of States are indexed by slot, the position of a frame in the ring. The frames of an episode are appended
    one after another. If another episode comes between, the two parts count as separate episodes.
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
        # The system allocates memory page by page as frames are added, so a large empty ring needs little memory.
        self.frames = np.empty((capacity, image_size, image_size, 3), np.uint8)
        self.stamps_ns = np.zeros(capacity, np.int64)
        self.joint_position = np.full((capacity, len(self.joint_names)), np.nan, np.float32)
        self.joint_command = np.full((capacity, len(self.command_names)), np.nan, np.float32)
        self.object_pose = np.full((capacity, 7), np.nan)
        self.tip_pose = np.full((capacity, 7), np.nan)
        # Live streams have no recorded columns; only data sets have them.
        self.recorded_names: tuple[str, ...] = ()
        self.recorded = np.zeros((capacity, 0))
        self.episode_of = np.full(capacity, -1, np.int64)
        # Keys are stored twice, `capacity` apart, so that the frames are always one sorted slice, oldest first.
        self._frame_keys = np.zeros(2 * capacity, np.int64)
        self._time_keys = np.zeros(2 * capacity, np.int64)
        self._slots = np.arange(2 * capacity) % capacity
        self._valid = np.zeros(capacity, bool)
        # For episodes in the buffer that are not discarded: number by name; name and number of frames by number.
        self._numbers: dict[Hashable, int] = {}
        self._names: dict[int, Hashable] = {}
        self._frames_held: dict[int, int] = {}
        self._next_number = 0
        self._appended = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """The number of frames in the buffer, including discarded ones."""
        return min(self._appended, self.capacity)

    @property
    def appended(self) -> int:
        """The number of frames appended so far."""
        return self._appended

    @property
    def episode_count(self) -> int:
        """The number of episodes that have frames in the buffer, without discarded ones."""
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
        """Add a frame. If the buffer is full, it replaces the oldest one.

        Args:
            frame: uint8 [S, S, 3].
            stamp_ns: its stamp, ns.
            episode: the key of its episode.
            joint_position: [J] in the order of joint_names, rad or m; None if unknown.
            joint_command: [C] in the order of command_names, rad or m; None if unknown.
            object_pose: [7] in the camera's optical frame; None if unknown.
            tip_pose: [7] in the arm's base frame; None if unknown.

        Raises:
            DataError: the frame has another size, or its stamp is not newer than the last one of its episode.
        """
        if frame.shape != self.frames.shape[1:] or frame.dtype != np.uint8:
            raise DataError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self.frames.shape[1:]}.")
        with self._lock:
            number = self._numbers.get(episode, self._next_number)
            slot, last = self._appended % self.capacity, (self._appended - 1) % self.capacity
            goes_on = self._appended > 0 and self.episode_of[last] == number
            elapsed_ns = stamp_ns - int(self.stamps_ns[last])
            if goes_on and elapsed_ns <= 0:
                raise DataError(f"stamp {stamp_ns} is not newer than {self.stamps_ns[last]} of the same episode.")
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
        """Set the continuous joints, and compute the tip poses of the frames in the buffer."""
        with self._lock:
            self.continuous_joints = robot.continuous_among((*self.joint_names, *self.command_names))
            held = slice(0, len(self))
            poses = robot.tip_poses(self.joint_names, self.joint_position[held].astype(np.float64))
            known = np.isfinite(poses).all(axis=1)
            self.tip_pose[held][known] = poses[known]

    def set_object_pose(self, stamp_ns: int, pose: ArrayLike) -> None:
        """Set the object's pose of one of the newest frames. Does nothing if none of them has this stamp."""
        with self._lock:
            newest = (self._appended - 1 - np.arange(min(len(self), _LATE_FRAMES))) % self.capacity
            found = newest[self.stamps_ns[newest] == stamp_ns]
            self.object_pose[found[:1]] = pose

    def discard(self, episode: Hashable) -> None:
        """Stop drawing from this episode. Does nothing if the buffer has no frames of it."""
        with self._lock:
            number = self._numbers.pop(episode, None)
            if number is not None:
                self._valid[self.episode_of == number] = False
                del self._names[number], self._frames_held[number]

    def sample(self, batch: int, window: Window, space: ActionSpace | None, rng: np.random.Generator) -> RawPairs:
        """Draw pairs with different first frames, uniformly over the frames that have a partner and an action.

        Args:
            batch: number of pairs.
            window: how far apart the two frames may be.
            space: the action space; None draws pairs without actions.
            rng: the random generator.

        Returns:
            The pairs.

        Raises:
            DataError: there are fewer than `batch` such frames.
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
        """Actions float32 [at most `pairs`, A], drawn like `sample`, to measure a normalisation."""
        with self._lock:
            return self._draw(rng.integers(0, max(1, len(self)), pairs), window, space, rng)[2]

    def _give_up(self, slot: int) -> None:
        """Update the counts for a frame that will be overwritten."""
        if not self._valid[slot]:
            return
        number = int(self.episode_of[slot])
        self._frames_held[number] -= 1
        if self._frames_held[number] == 0:
            del self._numbers[self._names.pop(number)], self._frames_held[number]

    def _count_in(self, episode: Hashable, number: int) -> None:
        """Update the counts for a new frame of an episode."""
        self._numbers[episode], self._names[number] = number, episode
        self._frames_held[number] = self._frames_held.get(number, 0) + 1
        self._next_number = max(self._next_number, number + 1)

    def _draw(
        self, positions: NDArray[np.int64], window: Window, space: ActionSpace | None, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Draw partners for positions (0: oldest). Returns slots (first, second) and actions of those that have all."""
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
        for _ in range(_DRAWS):  # a partner without an action (no command yet) is drawn again
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
