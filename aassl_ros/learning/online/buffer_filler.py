"""From live streams to the replay buffer: the frames of a StreamConsumer, kept if their episode is of our sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.data.streams.stream_consumer import StreamConsumer, StreamFrame
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import AasslError, ConfigError, DataError
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.settings import setting


@dataclass(frozen=True)
class BufferFillerSettings:
    """Which frames the trainer learns from, and how many it remembers."""

    sets: tuple[str, ...] = setting(
        ("train", "online"), "Instance sets learnt from; frames of others are left alone and counted"
    )
    capacity: int = setting(
        20_000, "Frames remembered; the oldest give way (64 px: 12 KB each)", minimum=100, maximum=50_000_000
    )
    episode_delay_s: float = setting(
        0.5, "How long a frame waits for the episode event that claims or ends it, s", minimum=0.0, maximum=30.0
    )

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in SETS]
        if unknown or not self.sets:
            raise ConfigError(f"sets = {list(self.sets)}, expected some of {', '.join(SETS)}.")


@dataclass
class IntakeCounts:
    """What became of every frame heard, and of messages that could not be used."""

    frames: int = 0
    kept: int = 0
    outside_episodes: int = 0
    left_alone: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)

    @property
    def dropped(self) -> int:
        """Messages that could not be used."""
        return sum(self.bad.values())


class BufferFiller:
    """Takes the streams of one robot and one camera from one thread, and fills `buffer`, which others may read.

    The buffer is made with the first frame that is kept: only then are the joints known. instances: those of all
    frames kept. base_link, tip_link: of the arm in the robot description.
    """

    def __init__(
        self,
        settings: BufferFillerSettings,
        sync: SyncSettings,
        image_size: int,
        *,
        robot: str = "",
        base_link: str = "",
        tip_link: str = "",
    ) -> None:
        self.buffer: ReplayBuffer | None = None
        self.instances: frozenset[str] = frozenset()
        self._settings, self._image_size = settings, image_size
        self._kept = 0
        self._left_alone: Counter[str] = Counter()
        self._bad: Counter[str] = Counter()
        self._stream = StreamConsumer(
            image_size,
            sync,
            robot=robot,
            base_link=base_link,
            tip_link=tip_link,
            episode_delay_s=settings.episode_delay_s,
            on_late_pose=self._take_late_pose,
        )

    @property
    def counts(self) -> IntakeCounts:
        """What became of every frame and message so far."""
        stream = self._stream.counts
        bad = self._bad + stream.unusable
        return IntakeCounts(stream.frames, self._kept, stream.outside_episodes, Counter(self._left_alone), bad)

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest frame."""
        return self._stream.newest_ns

    def bad(self, reason: str) -> None:
        """Count a message that could not be used."""
        self._bad[reason] += 1

    def add_frame(self, stamp_ns: int, image: NDArray[np.uint8]) -> None:
        """Take a frame uint8 [H, W, 3]."""
        self._stream.add_image(stamp_ns, image)

    def add_joint_state(
        self, stamp_ns: int, names: tuple[str, ...], positions: ArrayLike, velocities: ArrayLike, efforts: ArrayLike
    ) -> None:
        """Take a joint state; one that is not finite, not whole or not newer is counted."""
        self._stream.add_joint_state(stamp_ns, names, positions, velocities, efforts)

    def add_trajectory(self, trajectory: Trajectory, receipt_ns: int) -> None:
        """Take a command."""
        self._stream.add_trajectory(trajectory, receipt_ns)

    def add_object_pose(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        """Take the object's pose [7] in the camera's frame, for the frame of the same stamp."""
        try:
            self._stream.add_object_pose(stamp_ns, pose)
        except DataError:
            self.bad("object pose not finite")

    def add_episode(self, text: str) -> str:
        """Take an episode event's JSON; one that cannot be read or followed is counted. Returns why, or ""."""
        try:
            event = self._stream.add_episode(text)
        except AasslError as error:
            self.bad("episode event refused")
            return str(error)
        if event.event == "discard" and self.buffer is not None:
            self.buffer.discard(event.id)
        return ""

    def add_robot_description(self, urdf: str) -> str:
        """Take the URDF: it gives the tip's pose and the continuous joints, of frames in the buffer too.

        Returns why the tip's pose is not known, or "".
        """
        robot = self._stream.add_robot_description(urdf)
        if self.buffer is not None:
            self.buffer.use_robot(robot)
        return robot.problem

    def settle(self) -> None:
        """Put frames that have waited long enough for episode events into the buffer."""
        self._keep(self._stream.frames())

    def flush(self) -> None:
        """Put all frames left into the buffer: no message will come any more."""
        self._keep(self._stream.flush())

    def report(self) -> dict[str, Any]:
        """The counts by name, for diagnostics."""
        counts, sync = self.counts, self._stream.sync_counts
        values: dict[str, Any] = {
            "frames_received": counts.frames,
            "frames_kept": counts.kept,
            "frames_outside_episodes": counts.outside_episodes,
            "frames_without_sample": sum(sync.rejected.values()),
            "joint_states_dropped": sum(sync.joint_states_dropped.values()),
            "clock_restarts": sync.restarts,
        }
        values |= {f"frames_left_alone: {name}": count for name, count in counts.left_alone.items()}
        values |= {f"without sample: {reason}": count for reason, count in sync.rejected.items()}
        return values | {f"bad: {reason}": count for reason, count in counts.bad.items()}

    def _keep(self, frames: Iterable[StreamFrame]) -> None:
        for frame in frames:
            if frame.episode.set in self._settings.sets:
                self._append(frame)
            else:
                self._left_alone[frame.episode.set] += 1

    def _append(self, frame: StreamFrame) -> None:
        sample, robot = frame.sample, self._stream.robot
        if self.buffer is None:
            # Before any command its joints are unknown: room for a command of every joint then.
            names = sample.joint_names, sample.command_names or sample.joint_names
            capacity = self._settings.capacity
            self.buffer = ReplayBuffer(capacity, self._image_size, *names, robot.continuous_joints)
        command = np.full(0, np.nan) if sample.command is None else sample.command
        # A new set, so that the trainer's thread never reads one that changes.
        self.instances |= {frame.episode.instance}
        self.buffer.append(
            frame.image,
            sample.stamp_ns,
            frame.episode.id,
            joint_position=_by_name(self.buffer.joint_names, sample.joint_names, sample.position),
            joint_command=_by_name(self.buffer.command_names, sample.command_names, command),
            object_pose=frame.object_pose,
            tip_pose=robot.tip_poses(sample.joint_names, sample.position[None])[0],
        )
        self._kept += 1

    def _take_late_pose(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        if self.buffer is not None:
            self.buffer.set_object_pose(stamp_ns, pose)


def _by_name(wanted: tuple[str, ...], names: tuple[str, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values [n] of `names` in the order of `wanted`, NaN for those that are missing."""
    if wanted == names and len(values) == len(names):
        return values
    found = dict(zip(names, values, strict=False))
    return np.array([found.get(name, np.nan) for name in wanted])
