"""The frames that online training draws pairs from, with their states. Frames are added while pairs are drawn."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.replay.drawing import PairSlots, RawPairs
from aassl_ros.data.replay.episode_table import EpisodeEntry, EpisodeTable
from aassl_ros.data.replay.lane import STRETCH_GAP, Lane
from aassl_ros.data.replay.retention import NEWEST, Newest, Reservoir, Retention
from aassl_ros.data.replay.rows import row_type
from aassl_ros.data.replay.sampling import BufferFrames
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.errors import DataError

__all__ = ["PairSlots", "RawPairs", "ReplayBuffer"]

_LATE_FRAMES = 1000
"""A pose may be this many frames late and is still set: half a minute at 30 Hz."""
_STRETCH_FRAMES = 256
_QUANTITIES = ("joint_position", "joint_command", "object_pose", "tip_pose")


class ReplayBuffer(BufferFrames):
    """At most `capacity` frames of one or more robots. Any thread may append, discard and sample.

    The arrays of RowColumns and `frames` are indexed by slot, the position of a frame in memory. The frames of an
    episode are appended one after another. If another episode of the same robot comes between, the two parts count as
    separate episodes. Frames of other robots may come between.
    """

    read_only = False

    def __init__(
        self,
        capacity: int,
        image_size: int,
        joint_names: Sequence[str],
        command_names: Sequence[str] = (),
        continuous_joints: Sequence[str] = (),
        *,
        keep: str = NEWEST,
        stretch_frames: int = _STRETCH_FRAMES,
        seed: int = 0,
        arrays: tuple[NDArray[np.uint8], NDArray[np.void]] | None = None,
    ) -> None:
        """Make an empty buffer in memory.

        Args:
            capacity: maximum number of frames.
            image_size: side of the frames in pixels.
            joint_names: J joints that have a measured position.
            command_names: C joints that have a commanded position.
            continuous_joints: those that turn without end.
            keep: which frames stay if the buffer is full: newest or reservoir (see retention.py).
            stretch_frames: length of the stretches of which a reservoir consists; a pair lies within one of them.
            seed: of the reservoir's choice.
            arrays: the frames and rows to use, all zero; None makes them.
        """
        if capacity < 2:
            raise DataError(f"replay buffer of {capacity} frames: a pair needs at least 2.")
        frames, rows = arrays or empty_arrays(capacity, image_size, row_type(len(joint_names), len(command_names)))
        super().__init__(frames, rows, joint_names, command_names)
        self.capacity = capacity
        self._continuous = {"": tuple(continuous_joints)}
        self._episodes = EpisodeTable()
        self._instances: frozenset[str] = frozenset()
        self._appended = 0
        self._slot_of_serial = np.zeros(capacity, np.int64)  # of serial s at s % capacity
        self._retention: Retention = (
            Newest(capacity, self._give_up)
            if keep == NEWEST
            else Reservoir(capacity, self._give_up, stretch_frames, seed)
        )
        # One thread at a time changes the buffer. It holds _lock only while it changes what is drawn from: neither a
        # draw nor a new frame waits while pixels are copied.
        self._writing = threading.RLock()

    @property
    def _used(self) -> int:
        return self._retention.used

    @property
    def appended(self) -> int:
        """The number of frames stored so far; a reservoir does not store all that are offered."""
        return self._appended

    @property
    def is_full(self) -> bool:
        """Whether every slot had a frame: from then on the number of frames hardly grows."""
        return self._used == self.capacity

    def slots_since(self, appended: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The slots of the frames stored after the first `appended` ones, and their serials, both int64 [n].

        Frames that were given up since are left out.
        """
        with self._lock:
            if self._appended - appended > self.capacity:  # a reservoir may hold older ones
                slots = np.flatnonzero(self.serial[: self._used] > appended)
                return slots, self.serial[slots]
            serials = np.arange(appended, self._appended) + 1
            slots = self._slot_of_serial[serials % self.capacity]
            held = self.serial[slots] == serials
            return slots[held], serials[held]

    @property
    def episode_count(self) -> int:
        """The number of episodes that have frames in the buffer, without discarded ones."""
        return len(self._episodes)

    @property
    def episodes(self) -> dict[int, EpisodeEntry]:
        """The episodes that have frames in the buffer, without discarded ones, by their number in `episode_of`."""
        with self._lock:
            return self._episodes.entries

    @property
    def instances(self) -> frozenset[str]:
        """The object instances of all frames ever appended."""
        return self._instances

    @property
    def robots(self) -> tuple[str, ...]:
        """The robots that frames were appended of, in order of their first frame."""
        return tuple(self._lanes)

    @property
    def continuous_joints(self) -> tuple[str, ...]:
        """The joints that turn without end, of any robot."""
        return tuple(dict.fromkeys(name for names in self._continuous.values() for name in names))

    def append(
        self,
        frame: NDArray[np.uint8],
        stamp_ns: int,
        episode: Hashable,
        joint_position: ArrayLike | None = None,
        joint_command: ArrayLike | None = None,
        object_pose: ArrayLike | None = None,
        tip_pose: ArrayLike | None = None,
        *,
        robot: str = "",
        instance: str = "",
        category: str = "",
    ) -> bool:
        """Add a frame. If the buffer is full, others are given up.

        Args:
            frame: uint8 [S, S, 3].
            stamp_ns: its stamp, ns.
            episode: the key of its episode.
            joint_position: [J] in the order of joint_names, rad or m; None if unknown.
            joint_command: [C] in the order of command_names, rad or m; None if unknown.
            object_pose: [7] in the camera's optical frame; None if unknown.
            tip_pose: [7] in the arm's base frame; None if unknown.
            robot: the robot's namespace. Episodes of several robots may come at the same time.
            instance: the object of the episode; empty if unknown.
            category: its category; empty if unknown.

        Returns:
            Whether the frame is stored. A reservoir leaves out some frames; a ring stores all.

        Raises:
            DataError: the frame has another size, its stamp is not newer than the last one of its episode, or the
                buffer was opened only for reading.
        """
        if self.read_only:
            raise DataError("the replay buffer was opened only for reading.")
        if frame.shape != self.frames.shape[1:] or frame.dtype != np.uint8:
            raise DataError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self.frames.shape[1:]}.")
        with self._writing:
            lane = self._lane(robot)
            elapsed_ns = self._next_in_stretch(lane, episode, stamp_ns)
            row = self._row(lane, stamp_ns, (joint_position, joint_command, object_pose, tip_pose))
            with self._lock:
                slot = self._retention.slot(lane)
                lane.episode, lane.stamp_ns, lane.offered = episode, stamp_ns, lane.offered + 1
                if slot is None:
                    return False
                row["episode"] = self._episodes.add_frame(EpisodeEntry(robot, episode, instance, category))
            self.rows[slot] = row[0]
            self.frames[slot] = frame
            self._publish(slot, lane, (1, elapsed_ns) if row["index"][0] else (STRETCH_GAP, STRETCH_GAP))
            if instance and instance not in self._instances:
                self._instances |= {instance}  # a new set: other threads never read a set that changes
            return True

    def use_robot(self, kinematics: RobotKinematics, robot: str = "", joint_names: Sequence[str] = ()) -> None:
        """Set the continuous joints of a robot, and compute the tip poses of its frames in the buffer.

        joint_names: the robot's own names of the buffer's joints, in that order; empty if they are the same.
        """
        with self._writing:
            own = tuple(joint_names) or self.joint_names
            continuous = set(kinematics.continuous_among((*own, *self.command_names)))
            columns = (*zip(own, self.joint_names, strict=True), *((name, name) for name in self.command_names))
            self._continuous.pop("", None)
            self._continuous[robot] = tuple(dict.fromkeys(column for name, column in columns if name in continuous))
            slots = self._lanes[robot].held_slots() if robot in self._lanes else np.zeros(0, np.int64)
            poses = kinematics.tip_poses(own, self.joint_position[slots].astype(np.float64))
            known = np.isfinite(poses).all(axis=1)
            with self._lock:
                self.tip_pose[slots[known]] = poses[known]
            self._changed(slots[known])

    def set_object_pose(self, stamp_ns: int, pose: ArrayLike, robot: str = "") -> None:
        """Set the object's pose of one of the robot's newest frames. Does nothing if none of them has this stamp."""
        with self._writing:
            newest = self._lanes[robot].newest_slots(_LATE_FRAMES) if robot in self._lanes else np.zeros(0, np.int64)
            found = newest[self.stamps_ns[newest] == stamp_ns]
            with self._lock:
                self.object_pose[found[:1]] = pose
            self._changed(found[:1])

    def discard(self, episode: Hashable, robot: str = "") -> None:
        """Stop drawing from this episode. Does nothing if the buffer has no frames of it."""
        with self._writing:
            lane = self._lanes.get(robot)
            if lane is not None and lane.episode == episode:
                lane.episode = None
            with self._lock:
                number = self._episodes.discard(robot, episode)
                if number is None:
                    return
                slots = np.flatnonzero(self.episode_of[: self._used] == number)
                self.valid[slots] = False
            self._changed(slots)

    def _lane(self, robot: str) -> Lane:
        if robot not in self._lanes:
            # A new table: a thread that draws never sees one that changes.
            self._lanes = {**self._lanes, robot: Lane(len(self._lanes), robot, self._places)}
        return self._lanes[robot]

    def _next_in_stretch(self, lane: Lane, episode: Hashable, stamp_ns: int) -> int:
        """Begin a new stretch if the next frame needs one. Returns the time since the frame before, ns."""
        elapsed_ns = stamp_ns - lane.stamp_ns
        goes_on = lane.episode is not None and lane.episode == episode
        if goes_on and elapsed_ns <= 0:
            raise DataError(f"stamp {stamp_ns} is not newer than {lane.stamp_ns} of the same episode.")
        # A robot may have been silent until all its frames were given up for those of others.
        forgotten = lane.is_empty and not lane.stretch.gone
        if not goes_on or forgotten or self._retention.is_full(lane):
            self._retention.begin(lane)
            lane.offered = 0
        return elapsed_ns

    def _row(self, lane: Lane, stamp_ns: int, quantities: Sequence[ArrayLike | None]) -> NDArray[np.void]:
        """A row [1] of a new frame without its episode. Its serial is 0 and it is not valid, until `_publish`.

        quantities: those of _QUANTITIES; None if unknown.
        """
        row = np.zeros(1, self.rows.dtype)
        row["stamp"], row["index"], row["lane"] = stamp_ns, lane.offered, lane.number
        row["stretch"], row["priority"] = lane.stretch.number, lane.stretch.priority
        for name, value in zip(_QUANTITIES, quantities, strict=True):
            row[name] = np.nan if value is None else value
        return row

    def _publish(self, slot: int, lane: Lane, steps: tuple[int, int]) -> None:
        """Make the frame in a slot, all of which is there, one that can be drawn. steps: as in Lane.append."""
        self._seal(slot, self._appended + 1)
        with self._lock:
            self._appended += 1
            self.valid[slot], self.serial[slot] = True, self._appended
            self._slot_of_serial[self._appended % self.capacity] = slot
            lane.append(slot, *steps)
            self._held += 1

    def _give_up(self, slots: NDArray[np.int64]) -> None:
        """Remove frames of one stretch, before their slots are used again."""
        slots = slots[self.serial[slots] > 0]
        if len(slots) == 0:
            return
        lane = next(lane for lane in self._lanes.values() if lane.number == self.lane[slots[0]])
        lane.give_up(slots)
        drawable = int(self.valid[slots].sum())
        if drawable:
            self._episodes.remove_frames(int(self.episode_of[slots[0]]), drawable)
        self.serial[slots], self.valid[slots] = 0, False
        self._held -= len(slots)
        self._changed(slots)

    def _seal(self, slot: int, serial: int) -> None:
        """Called when a frame and its row are complete but for the serial."""

    def _changed(self, slots: NDArray[np.int64]) -> None:
        """Called when the rows of frames have changed."""


def empty_arrays(capacity: int, image_size: int, row: np.dtype[np.void]) -> tuple[NDArray[np.uint8], NDArray[np.void]]:
    """Frames and rows in memory. The system allocates it page by page as frames are added."""
    return np.zeros((capacity, image_size, image_size, 3), np.uint8), np.zeros(capacity, row)
