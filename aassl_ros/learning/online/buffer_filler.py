"""Fills the replay buffer from live streams: with frames of a StreamConsumer whose episodes are of the chosen sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.replay.joint_columns import same_joints
from aassl_ros.data.streams.commands import Command
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.data.streams.squares import Square
from aassl_ros.data.streams.stream_consumer import StreamConsumer, StreamFrame
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import AasslError, ConfigError, DataError
from aassl_ros.learning.online.live_buffer import BufferSettings, LiveBuffer
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.settings import setting


@dataclass(frozen=True)
class BufferFillerSettings(BufferSettings):
    """Which frames the trainer is trained on, and how many are kept."""

    sets: tuple[str, ...] = setting(
        ("train", "online"), "Instance sets to train on; frames of other sets are counted, but not used"
    )
    episode_delay_s: float = setting(
        0.5, "How long a frame waits for the start or stop event of its episode, s", minimum=0.0, maximum=30.0
    )

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in SETS]
        if unknown or not self.sets:
            raise ConfigError(f"sets = {list(self.sets)}, expected some of {', '.join(SETS)}.")


@dataclass
class IntakeCounts:
    """Counts of received frames by what was done with them, and of messages that could not be used."""

    frames: int = 0
    kept: int = 0
    outside_episodes: int = 0
    left_alone: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)

    @property
    def dropped(self) -> int:
        """Number of messages that could not be used."""
        return sum(self.bad.values())


class BufferFiller:
    """Takes the streams of one robot and one camera from one thread, and fills a buffer that others may read.

    may_keep: asked for each frame that could be kept; a RateLimiter may say no.
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
        live: LiveBuffer | None = None,
    ) -> None:
        """robot: its namespace. base_link, tip_link: of the arm in the robot description. live: the buffer that the
        robots of a trainer share; None makes one for this robot alone.
        """
        self.may_keep: Callable[[], bool] = lambda: True
        self._settings, self._robot = settings, robot
        self._live = live or LiveBuffer(settings, image_size)
        self._joints: tuple[str, ...] = ()
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
    def buffer(self) -> ReplayBuffer | None:
        """The buffer; None before the first frame that is kept, because the joints are unknown before."""
        return self._live.buffer

    @property
    def instances(self) -> frozenset[str]:
        """The object instances of all kept frames, of all robots."""
        return self._live.instances

    @property
    def problem(self) -> str:
        """Why the buffer could not be saved; empty if it could."""
        return self._live.problem

    def save(self) -> None:
        """Save the buffer, if it is kept."""
        self._live.save()

    def close(self) -> None:
        """Save the buffer for the last time; no frame may follow."""
        self._live.close()

    @property
    def counts(self) -> IntakeCounts:
        """The counts of all frames and messages so far."""
        stream = self._stream.counts
        bad = self._bad + stream.unusable
        return IntakeCounts(stream.frames, self._kept, stream.outside_episodes, Counter(self._left_alone), bad)

    @property
    def unmatched(self) -> str:
        """Says that this robot has other joints than the first one, and what follows; empty if it has not."""
        if not self._joints or self.buffer is None or any(same_joints(self.buffer.joint_names, self._joints)):
            return ""
        return (
            f"its joints ({', '.join(self._joints)}) are not those of the first robot "
            f"({', '.join(self.buffer.joint_names)}): its frames have no action in the space joints, only in "
            "object_pose and end_effector. Train it in a node of its own, or set action_space."
        )

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest frame."""
        return self._stream.newest_ns

    @property
    def clock_restarts(self) -> int:
        """How often the clock of the streams was set back."""
        return self._stream.sync_counts.restarts

    def bad(self, reason: str) -> None:
        """Count a message that could not be used."""
        self._bad[reason] += 1

    def add_frame(self, stamp_ns: int, image: NDArray[np.uint8], frame_id: str = "") -> None:
        """Take a frame, uint8 [H, W, 3] RGB; frame_id: the frame in the message's header."""
        self._stream.use_image_frame(frame_id)
        self._stream.add_image(stamp_ns, image)

    def add_square(self, stamp_ns: int, square: Square, frame_id: str = "") -> None:
        """Take a frame at training size, see `square_from_message`."""
        self._stream.use_image_frame(frame_id)
        self._stream.add_square(stamp_ns, square)

    def add_joint_state(
        self, stamp_ns: int, names: tuple[str, ...], positions: ArrayLike, velocities: ArrayLike, efforts: ArrayLike
    ) -> None:
        """Take a joint state; if it is not finite, incomplete or not newer than the last one, it is only counted."""
        self._stream.add_joint_state(stamp_ns, names, positions, velocities, efforts)

    def add_command(self, command: Command, receipt_ns: int) -> None:
        """Take a command. Raises TrajectoryError if it does not fit the commands before it."""
        self._stream.add_command(command, receipt_ns)

    def add_trajectory(self, trajectory: Trajectory, receipt_ns: int) -> None:
        """Take a command that is a trajectory: as `add_command`."""
        self.add_command(trajectory, receipt_ns)

    def add_object_pose(self, stamp_ns: int, pose: NDArray[np.float64], frame_id: str = "") -> None:
        """Take the object's pose [7] in the camera's optical frame; frame_id: the frame in the message's header."""
        try:
            self._stream.add_object_pose(stamp_ns, pose, frame_id)
        except DataError as error:
            self.bad("object pose not finite" if str(error).endswith("not finite") else str(error))

    def add_episode(self, text: str) -> str:
        """Take an episode event's JSON; if it is not valid, it is counted. Returns the reason, or ""."""
        try:
            event = self._stream.add_episode(text)
        except AasslError as error:
            self.bad("episode event refused")
            return str(error)
        if event.event == "discard" and self.buffer is not None:
            self.buffer.discard(event.id, self._robot)
        return ""

    def add_robot_description(self, urdf: str) -> str:
        """Take the URDF, which gives the tip's pose and the continuous joints; also of frames in the buffer.

        Returns why the tip's pose is unknown, or "".
        """
        robot = self._stream.add_robot_description(urdf)
        if self.buffer is not None and self._joints:
            self.buffer.use_robot(robot, self._robot, same_joints(self.buffer.joint_names, self._joints))
        return robot.problem

    def settle(self) -> None:
        """Put frames that have waited long enough for episode events into the buffer."""
        self._keep(self._stream.frames())

    def flush(self) -> None:
        """Put all waiting frames into the buffer; call it after the last message."""
        self._keep(self._stream.flush())

    def report(self) -> dict[str, Any]:
        """Return the counts by name, for diagnostics."""
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
            if frame.episode.set not in self._settings.sets:
                self._left_alone[frame.episode.set] += 1
            elif self.may_keep():
                self._append(frame)
            else:
                self._left_alone["min_replay_ratio"] += 1

    def _append(self, frame: StreamFrame) -> None:
        sample, kinematics = frame.sample, self._stream.robot
        buffer = self._live.for_frame(sample, kinematics)
        if not self._joints:
            self._joints = sample.joint_names
            buffer.use_robot(kinematics, self._robot, same_joints(buffer.joint_names, self._joints))
        command = np.full(0, np.nan) if sample.command is None else sample.command
        kept = buffer.append(
            frame.image,
            sample.stamp_ns,
            frame.episode.id,
            joint_position=_by_name(buffer.joint_names, sample.joint_names, sample.position),
            joint_command=_by_name(buffer.command_names, sample.command_names, command),
            object_pose=frame.object_pose,
            tip_pose=kinematics.tip_poses(sample.joint_names, sample.position[None])[0],
            robot=self._robot,
            instance=frame.episode.instance,
            category=frame.episode.category or "",
        )
        self._kept += kept

    def _take_late_pose(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        if self.buffer is not None:
            self.buffer.set_object_pose(stamp_ns, pose, self._robot)


def _by_name(wanted: tuple[str, ...], names: tuple[str, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values [n] of `names` in the order of `wanted`, NaN for missing ones."""
    if wanted == names and len(values) == len(names):
        return values
    found = dict(zip(names, values, strict=False))
    return np.array([found.get(name, np.nan) for name in same_joints(wanted, names)])
