"""One bag read for training: its frames at training size with their samples, episode by episode."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.bags.recorded_samples import RecordedSamples
from aassl_ros.data.bags.roles import BagRoles
from aassl_ros.data.interfaces import topics
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.images import to_square
from aassl_ros.data.streams.sync import Sample, Synchronizer, SyncSettings
from aassl_ros.errors import ConfigError, DataError, TrajectoryError
from aassl_ros.motion.kinematics import Chain
from aassl_ros.settings import describe, from_mapping


@dataclass
class BagCounts:
    """What became of a bag's frames, and of what else could not be used."""

    frames: int = 0
    kept: int = 0
    outside_episodes: int = 0
    without_sample: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    messages_refused: Counter[str] = field(default_factory=Counter)

    def add(self, other: BagCounts) -> None:
        self.frames += other.frames
        self.kept += other.kept
        self.outside_episodes += other.outside_episodes
        self.without_sample += other.without_sample
        self.unusable += other.unusable
        self.messages_refused += other.messages_refused


class BagFrames:
    """Reads one bag: `read` hands on each frame as uint8 [S, S, 3], afterwards `episodes` claims them in order."""

    def __init__(self, reader: BagReader, roles: BagRoles, image_size: int) -> None:
        self._reader, self._roles, self._image_size = reader, roles, image_size
        self.counts = BagCounts()
        self.notes: list[str] = []
        self.recorded = RecordedSamples()
        self.continuous_joints: tuple[str, ...] = ()
        self._poses: dict[int, NDArray[np.float64]] = {}
        self._kept: list[tuple[Episode, list[Sample]]] = []
        self._shape: tuple[int, ...] | None = None
        self._synchronizer = Synchronizer(self._sync_settings())

    def read(self, keep: Callable[[NDArray[np.uint8]], None], progress: Callable[[int], None]) -> None:
        """Go through the bag once. progress: called with the number of frames read since its last call."""
        tracker = self._read_episodes()
        roles = self._roles.session.roles
        sample_topics = [self._roles.session.topic(name) for name in topics.sample_topics(self._roles.camera)]
        takers: dict[str, Callable[[BagMessage], None]] = {
            topic: self._take_command for topic in roles.commands.values()
        }
        takers[roles.joint_states] = self._take_joint_state
        takers[roles.object_pose] = self._take_object_pose
        takers |= dict(zip(sample_topics, (self._take_recorded_state, self._take_recorded_command), strict=True))
        wanted = [topic for topic in (*self._roles.streams, *sample_topics) if topic in self._reader.topics]
        for message in self._reader.messages(wanted):
            if message.topic == self._roles.camera_topic:
                self.counts.frames += 1
                # Undecoded: most work is saved on frames that belong to no episode.
                self._synchronizer.add_frame(messages.header_stamp_ns(message.data), message)
                progress(1)
            else:
                self._try(takers[message.topic], message)
            for sample in self._synchronizer.ready():
                self._take_sample(sample, tracker, keep)
        for sample in self._synchronizer.flush():
            self._take_sample(sample, tracker, keep)
        self.counts.without_sample = Counter(self._synchronizer.counts.rejected)
        if restarts := self._synchronizer.counts.restarts:
            self.notes.append(f"its clock was set back {restarts} times: frames may be under the wrong episode")

    def episodes(self) -> list[tuple[Episode, EpisodeStates]]:
        """The episodes that have frames, in order, with the states of these frames."""
        chain = self._chain()
        return [(episode, self._states(samples, chain)) for episode, samples in self._kept]

    def _sync_settings(self) -> SyncSettings:
        """As the recorder had them, so that the samples are the same."""
        known = {info.name for info in describe(SyncSettings)}
        found = {name: value for name, value in self._roles.session.settings.items() if name in known}
        return from_mapping(SyncSettings, found, source=str(self._reader.path))

    def _read_episodes(self) -> EpisodeTracker:
        tracker = EpisodeTracker(self._roles.session.robot)

        def take(message: BagMessage) -> None:
            tracker.add(EpisodeEvent.parse(self._reader.decode(message).data))

        for message in self._reader.messages([self._roles.session.roles.episode]):
            self._try(take, message)
        return tracker

    def _try(self, take: Callable[[BagMessage], None], message: BagMessage) -> None:
        try:
            take(message)
        except (DataError, TrajectoryError):
            self.counts.messages_refused[message.topic] += 1

    def _take_joint_state(self, message: BagMessage) -> None:
        state = self._reader.decode(message)
        stamp_ns = messages.stamp_ns(state.header.stamp)
        self._synchronizer.add_joint_state(stamp_ns, state.name, state.position, state.velocity, state.effort)

    def _take_command(self, message: BagMessage) -> None:
        trajectory = messages.trajectory_from_message(self._reader.decode(message))
        self._synchronizer.add_trajectory(trajectory, message.log_ns)

    def _take_object_pose(self, message: BagMessage) -> None:
        stamped = self._reader.decode(message)
        pose = messages.pose_from_message(stamped)
        if not np.isfinite(pose).all() or not pose[3:].any():
            raise DataError("object pose is not finite")
        self._poses[messages.stamp_ns(stamped.header.stamp)] = pose

    def _take_recorded_state(self, message: BagMessage) -> None:
        state = self._reader.decode(message)
        self.recorded.add_state(messages.stamp_ns(state.header.stamp), tuple(state.name), state.position)

    def _take_recorded_command(self, message: BagMessage) -> None:
        state = self._reader.decode(message)
        self.recorded.add_command(messages.stamp_ns(state.header.stamp), tuple(state.name), state.position)

    def _take_sample(self, sample: Sample, tracker: EpisodeTracker, keep: Callable[[NDArray[np.uint8]], None]) -> None:
        message = sample.frame
        object.__setattr__(sample, "frame", None)  # or a whole bag of pictures would stay in memory
        self.recorded.add_computed(sample)
        episode = tracker.at(sample.stamp_ns)
        if episode is None:
            self.counts.outside_episodes += 1
            return
        try:
            image = self._decode(message)
        except DataError as error:
            self.counts.unusable[str(error)] += 1
            return
        keep(to_square(image, self._image_size))
        self.counts.kept += 1
        if not self._kept or self._kept[-1][0].id != episode.id:
            self._kept.append((episode, []))
        self._kept[-1][1].append(sample)

    def _decode(self, message: BagMessage) -> NDArray[np.uint8]:
        image = messages.frame_from_message(self._reader.decode(message))
        if self._shape not in (None, image.shape):
            raise DataError("image of another size than the first")
        self._shape = image.shape
        return image

    def _states(self, samples: list[Sample], chain: Chain | None) -> EpisodeStates:
        # Names only grow while a bag is read, so those of the last sample are all of them.
        joints = samples[-1].joint_names
        commands = next((sample.command_names for sample in samples[::-1] if sample.command is not None), ())
        position = _padded([sample.position for sample in samples], len(joints))
        tip_pose = None
        if chain is not None and set(chain.joint_names) <= set(joints):
            positions = position[:, [joints.index(name) for name in chain.joint_names]]
            known = np.isfinite(positions).all(axis=1)
            tip_pose = np.full((len(samples), 7), np.nan)
            tip_pose[known] = chain.forward(positions[known])
        unknown = np.full(7, np.nan)
        return EpisodeStates(
            stamps_ns=np.array([sample.stamp_ns for sample in samples], np.int64),
            joint_names=joints,
            joint_position=position,
            command_names=commands,
            joint_command=_padded([sample.command for sample in samples], len(commands)),
            object_pose=np.stack([self._poses.get(sample.stamp_ns, unknown) for sample in samples]),
            tip_pose=tip_pose,
        )

    def _chain(self) -> Chain | None:
        session = self._roles.session
        urdf = self._robot_description()
        if not urdf or not session.base_link or not session.tip_link:
            self.notes.append("no tip pose: the bag lacks the robot description or the names of base and tip link")
            return None
        try:
            chain = Chain.from_urdf(urdf, session.base_link, session.tip_link)
        except ConfigError as error:
            self.notes.append(f"no tip pose: {error}")
            return None
        self.continuous_joints = _continuous_joints(urdf)
        return chain

    def _robot_description(self) -> str:
        """The last URDF on the topic that the session names, else on the absolute one, else on any of that name."""
        own = self._roles.session.roles.robot_description
        held = [name for name, topic in self._reader.topics.items() if topic.message_count]
        wanted = [
            own,
            topics.ABSOLUTE_ROBOT_DESCRIPTION,
            *(name for name in held if name.endswith(f"/{topics.ROBOT_DESCRIPTION}")),
        ]
        found = next((name for name in wanted if name in held), "")
        if found and own and found != own:
            self.notes.append(f"the robot description is taken from {found}: {own} holds none")
        urdf = ""
        for message in self._reader.messages([found]) if found else ():
            urdf = self._reader.decode(message).data
        return urdf


def _continuous_joints(urdf: str) -> tuple[str, ...]:
    joints = ElementTree.fromstring(urdf).iter("joint")
    return tuple(joint.get("name", "") for joint in joints if joint.get("type") == "continuous")


def _padded(rows: list[Any], width: int) -> NDArray[np.float64]:
    """float64 [n, width] of rows of at most that width or None, NaN where they hold nothing."""
    table = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if row is not None:
            table[index, : len(row)] = row
    return table
