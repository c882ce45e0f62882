"""From live streams to the replay buffer: the recorder's samples, kept where an episode of our sets holds them."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.streams.episodes import SETS, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.images import to_square
from aassl_ros.data.streams.sync import Sample, Synchronizer, SyncSettings
from aassl_ros.errors import AasslError, ConfigError
from aassl_ros.motion.kinematics import Chain
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.settings import setting

# Poses wait for their frame at most this long; 2 s at 30 Hz.
_POSES_KEPT = 60


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


class _Picture(NamedTuple):
    """A frame at training size; the Synchronizer carries it without looking."""

    pixels: NDArray[np.uint8]


class BufferFiller:
    """Takes the streams of one robot and one camera from one thread, and fills `buffer`, which others may read.

    The buffer is made with the first frame that is kept: only then are the joints known. instances: those of all
    frames kept.
    """

    def __init__(self, settings: BufferFillerSettings, sync: SyncSettings, image_size: int, *, robot: str = "") -> None:
        self.counts = IntakeCounts()
        self.buffer: ReplayBuffer | None = None
        self.instances: frozenset[str] = frozenset()
        self.newest_ns = 0
        self._settings, self._image_size = settings, image_size
        self._synchronizer = Synchronizer(sync)
        self._robot, self._restarts = robot, 0
        self._episodes = EpisodeTracker(robot)
        self._poses: dict[int, NDArray[np.float64]] = {}
        self._waiting: deque[Sample] = deque()
        self._shape: tuple[int, ...] | None = None
        self._chain: Chain | None = None

    def use_chain(self, chain: Chain) -> None:
        """From now on the tip's pose is computed from the joints."""
        self._chain = chain

    def bad(self, reason: str) -> None:
        """Count a message that could not be used."""
        self.counts.bad[reason] += 1

    def add_frame(self, stamp_ns: int, image: NDArray[np.uint8]) -> None:
        """Take a frame uint8 [H, W, 3]. One of another size than the frame before is counted, not used."""
        self.counts.frames += 1
        before, self._shape = self._shape, image.shape
        if before is not None and before != image.shape:
            self.bad("image changed size")
            return
        self._synchronizer.add_frame(stamp_ns, _Picture(to_square(image, self._image_size)))
        self._follow_clock()
        # A stamp that jumps ahead must not push all others out, so only frames that are taken in count as newest.
        self.newest_ns = max(self.newest_ns, stamp_ns)

    def add_joint_state(
        self, stamp_ns: int, names: tuple[str, ...], positions: ArrayLike, velocities: ArrayLike, efforts: ArrayLike
    ) -> None:
        """Take a joint state; one that is not finite, not whole or not newer is counted by the synchronizer."""
        self._synchronizer.add_joint_state(stamp_ns, names, positions, velocities, efforts)
        self._follow_clock()

    def add_trajectory(self, trajectory: Trajectory, receipt_ns: int) -> None:
        """Take a command."""
        self._synchronizer.add_trajectory(trajectory, receipt_ns)

    def add_object_pose(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        """Take the object's pose [7] in the camera's frame, for the frame of the same stamp."""
        if not np.isfinite(pose).all():
            self.bad("object pose not finite")
            return
        self._poses[stamp_ns] = pose

    def add_episode(self, text: str) -> str:
        """Take an episode event's JSON; one that cannot be read or followed is counted. Returns why, or ""."""
        try:
            event = EpisodeEvent.parse(text)
            self._episodes.add(event)
        except AasslError as error:
            self.bad("episode event refused")
            return str(error)
        if event.event == "discard" and self.buffer is not None:
            self.buffer.discard(event.id)
        return ""

    def settle(self) -> None:
        """Put frames that have waited long enough for episode events into the buffer."""
        self._waiting.extend(self._synchronizer.ready())
        self._keep_until(self.newest_ns - round(self._settings.episode_delay_s * 1e9))

    def flush(self) -> None:
        """Put all frames left into the buffer: no message will come any more."""
        self._waiting.extend(self._synchronizer.flush())
        self._keep_until(self.newest_ns)

    def report(self) -> dict[str, Any]:
        """The counts by name, for diagnostics."""
        rejected = self._synchronizer.counts.rejected
        values: dict[str, Any] = {
            "frames_received": self.counts.frames,
            "frames_kept": self.counts.kept,
            "frames_outside_episodes": self.counts.outside_episodes,
            "frames_without_sample": sum(rejected.values()),
            "joint_states_dropped": sum(self._synchronizer.counts.joint_states_dropped.values()),
            "clock_restarts": self._restarts,
        }
        values |= {f"frames_left_alone: {name}": count for name, count in self.counts.left_alone.items()}
        values |= {f"without sample: {reason}": count for reason, count in rejected.items()}
        return values | {f"bad: {reason}": count for reason, count in self.counts.bad.items()}

    def _follow_clock(self) -> None:
        """After a jump back of the clock keep what was before; no episode or pose of then is of the frames to come."""
        if self._synchronizer.counts.restarts == self._restarts:
            return
        self._restarts = self._synchronizer.counts.restarts
        self._waiting.extend(self._synchronizer.ready())
        self._keep_until(self.newest_ns)
        self._episodes = EpisodeTracker(self._robot)
        self._poses.clear()
        self.newest_ns = 0

    def _keep_until(self, stamp_ns: int) -> None:
        while self._waiting and self._waiting[0].stamp_ns <= stamp_ns:
            self._keep(self._waiting.popleft())
        while len(self._poses) > _POSES_KEPT + len(self._waiting) + self._synchronizer.pending:
            self._poses.pop(next(iter(self._poses)))

    def _keep(self, sample: Sample) -> None:
        pose = self._poses.pop(sample.stamp_ns, None)
        episode = self._episodes.at(sample.stamp_ns)
        if episode is None:
            self.counts.outside_episodes += 1
            return
        if episode.set not in self._settings.sets:
            self.counts.left_alone[episode.set] += 1
            return
        if self.buffer is None:
            # Before any command its joints are unknown: room for a command of every joint then.
            self.buffer = ReplayBuffer(
                self._settings.capacity,
                self._image_size,
                sample.joint_names,
                sample.command_names or sample.joint_names,
                self._continuous_joints(),
            )
        command = np.full(0, np.nan) if sample.command is None else sample.command
        # A new set, so that the trainer's thread never reads one that changes.
        self.instances |= {episode.instance}
        self.buffer.append(
            sample.frame.pixels,
            sample.stamp_ns,
            episode.id,
            joint_position=_by_name(self.buffer.joint_names, sample.joint_names, sample.position),
            joint_command=_by_name(self.buffer.command_names, sample.command_names, command),
            object_pose=pose,
            tip_pose=self._tip_pose(sample),
        )
        self.counts.kept += 1

    def _continuous_joints(self) -> tuple[str, ...]:
        """Those that turn without an end, as far as the robot's description is known."""
        if self._chain is None:
            return ()
        limits = self._chain.position_limits
        return tuple(name for name, limit in zip(self._chain.joint_names, limits, strict=True) if np.isinf(limit).all())

    def _tip_pose(self, sample: Sample) -> NDArray[np.float64] | None:
        if self._chain is None:
            return None
        positions = _by_name(self._chain.joint_names, sample.joint_names, sample.position)
        return self._chain.forward(positions) if np.isfinite(positions).all() else None


def _by_name(wanted: tuple[str, ...], names: tuple[str, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values [n] of `names` in the order of `wanted`, NaN for those that are missing."""
    if wanted == names and len(values) == len(names):
        return values
    found = dict(zip(names, values, strict=False))
    return np.array([found.get(name, np.nan) for name in wanted])
