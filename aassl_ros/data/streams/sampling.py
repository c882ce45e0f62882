"""Computes samples from recorded messages, and encodes the samples as messages for the bag."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import command_from_message
from aassl_ros.data.streams.episodes import EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.image_check import ImageCheck
from aassl_ros.data.streams.joint_state_reader import JointStateReader
from aassl_ros.data.streams.joints import MALFORMED
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.loss_ledger import LossLedger
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.sync import Synchronizer, SyncSettings
from aassl_ros.data.streams.sync_counts import BRACKET_UNIT_NS
from aassl_ros.errors import DataError, TrajectoryError


class FrameSampler:
    """Takes CDR messages, selected by the roles of the session, and computes the samples of each camera.

    A message that cannot be read raises nothing: `ledger` counts it, and the bag contains it unchanged.

    Attributes:
        ledger: the counts of the bag.
        losses: follows each topic and each episode.
    """

    def __init__(self, session: Session, settings: SyncSettings) -> None:
        self.ledger = Ledger(frame_topics=list(session.roles.cameras.values()))
        self.episodes = EpisodeTracker(session.robot)
        self._clock = ReceiptClock()
        self.losses = losses = LossLedger(self.episodes, self._clock.stamp_of)
        # Nothing in here refers to the sampler itself, so that its joint states, megabytes a bag, are freed with it.
        self._cameras = {
            camera: Synchronizer(settings, lambda stamp_ns, _, reason: losses.rejected(stamp_ns, reason))
            for camera in session.roles.cameras
        }
        self._joint_reader = JointStateReader()
        self._malformed = 0
        self._stamped: dict[str, bool] = {}
        self._topics = {
            camera: tuple(session.topic(name) for name in topics.sample_topics(camera)) for camera in self._cameras
        }
        self._samples: deque[tuple[str, Sample]] = deque()
        self._publishers_warned = False
        self._form_checks = {camera: ImageCheck() for camera in self._cameras}
        self._image_size: dict[str, tuple[int, int]] = {}
        self._takers: dict[str, Callable[[FrameSampler, int, bytes], None]] = {}
        roles = session.roles
        self._joint_states, self._episode = roles.joint_states, roles.episode
        for camera, topic in roles.cameras.items():
            self._takers[topic] = partial(FrameSampler._take_frame, camera=camera, topic=topic)
        self._takers[roles.joint_states] = FrameSampler._take_joint_state
        self._refused: set[str] = set()
        for group, topic in roles.commands.items():
            joints = session.joint_groups.get(group, ())
            self._takers[topic] = partial(FrameSampler._take_command, topic=topic, joints=joints)
        self._takers[roles.episode] = FrameSampler._take_episode

    @property
    def pending(self) -> int:
        """The number of frames that wait for joint states."""
        return sum(camera.pending for camera in self._cameras.values()) + len(self._samples)

    def move_camera(self, camera: str, topic: str) -> None:
        """Take the frames of a camera from another topic. None of its frames was taken yet."""
        self._takers[topic] = partial(FrameSampler._take_frame, camera=camera, topic=topic)
        frames, names = self.ledger.frame_topics, list(self._cameras)
        self.ledger.frame_topics = [topic if name == camera else old for name, old in zip(names, frames, strict=True)]

    def take(self, topic: str, log_ns: int, data: bytes) -> None:
        """Add a CDR message that was received at log_ns."""
        taker = self._takers.get(topic)
        try:
            stamped = self._stamped.get(topic)
            if stamped is None:
                stamped = self._stamped[topic] = messages.has_header(self.ledger.topics[topic].type)
            stamp_ns = messages.header_stamp_ns(data) if stamped else None
            self.losses.take(topic, log_ns, stamp_ns)
            if taker is None:
                return
            taker(self, log_ns, data)
        except DataError:
            self.ledger.messages_unreadable += 1
            self._count_malformed(topic, log_ns)
        # After each message, so that reading the bag again makes the same decisions.
        for camera, synchronizer in self._cameras.items():
            if made := synchronizer.ready():
                self._add_samples(camera, made)

    def _count_malformed(self, topic: str, log_ns: int) -> None:
        self.ledger.topics[topic].malformed += 1
        self.losses.malformed(topic, log_ns)

    def _add_samples(self, camera: str, made: Iterable[Sample]) -> None:
        for sample in made:
            self._samples.append((camera, sample))
            self.losses.sampled(sample.stamp_ns, round(sample.bracket_ns / BRACKET_UNIT_NS))

    @property
    def has_samples(self) -> bool:
        """Whether `samples` has any."""
        return bool(self._samples)

    def samples(self) -> Iterator[tuple[str, bytes]]:
        """Yield the samples made since the last call: the topic in the bag, and a JointState as CDR."""
        while self._samples:
            camera, sample = self._samples.popleft()
            state_topic, command_topic = self._topics[camera]
            state = (sample.joint_names, sample.position, sample.velocity, sample.effort)
            yield state_topic, messages.encode_joint_state(sample.stamp_ns, *state)
            if sample.command is not None:
                yield (
                    command_topic,
                    messages.encode_joint_state(sample.stamp_ns, sample.command_names, sample.command),
                )

    def flush(self) -> None:
        """Make samples of all waiting frames whose joint states were received."""
        for camera, synchronizer in self._cameras.items():
            self._add_samples(camera, synchronizer.flush())

    def current_ledger(self) -> Ledger:
        """A copy of the current counts."""
        self.ledger.add_samples(synchronizer.counts for synchronizer in self._cameras.values())
        self.ledger.episodes_started = len(self.episodes.episodes)
        self.losses.fill(self.ledger.topics)
        return copy.deepcopy(self.ledger)

    def _take_frame(self, log_ns: int, data: bytes, *, camera: str, topic: str) -> None:
        self._cameras[camera].add_frame(messages.header_stamp_ns(data), None)
        kind = self.ledger.topics[topic].type
        if kind == messages.IMAGE:
            form = messages.image_form(data)
            size = form.height, form.width
            self.ledger.frames_of_another_size += self._image_size.setdefault(camera, size) != size
        if problem := self._form_checks[camera].problem(kind, data):
            self.ledger.frames_of_unknown_encoding += 1
            self._count_malformed(topic, log_ns)
            self._warn(f"{topic}: {problem}")

    def _warn(self, text: str) -> None:
        if text not in self.ledger.warnings:
            self.ledger.warnings = [*self.ledger.warnings, text]

    def _take_joint_state(self, log_ns: int, data: bytes) -> None:
        stamp_ns, names, rows = self._joint_reader.read(data)
        self._clock.take(stamp_ns, log_ns)
        taken = True
        for synchronizer in self._cameras.values():
            taken &= synchronizer.add_joint_numbers(stamp_ns, names, rows)
        if not taken and (malformed := self._malformed_states()) > self._malformed:
            self._malformed = malformed
            self._count_malformed(self._joint_states, log_ns)
        if not self._publishers_warned and (problem := next(iter(self._cameras.values())).publishers_problem):
            self._publishers_warned = True
            self._warn(problem)

    def _malformed_states(self) -> int:
        dropped = next(iter(self._cameras.values())).counts.joint_states_dropped
        return sum(dropped[reason] for reason in MALFORMED) if dropped else 0

    def _take_command(self, log_ns: int, data: bytes, *, topic: str, joints: tuple[str, ...]) -> None:
        kind = self.ledger.topics[topic].type
        try:
            command = command_from_message(kind, messages.decode(kind, data), joints)
            for synchronizer in self._cameras.values():
                synchronizer.add_command(command, self._clock.stamp_of(log_ns))
        except TrajectoryError as error:
            self.ledger.commands_refused += 1
            self._count_malformed(topic, log_ns)
            if topic not in self._refused:  # the others are probably refused for the same reason
                self._refused.add(topic)
                self._warn(f"{topic}: a command was refused: {error}")

    def _take_episode(self, log_ns: int, data: bytes) -> None:
        try:
            self.episodes.add(EpisodeEvent.parse(messages.decode(messages.STRING, data).data))
            self.losses.episodes_changed()
        except DataError as error:
            self.ledger.episodes_refused += 1
            self._count_malformed(self._episode, log_ns)
            if self.ledger.episodes_refused == 1:  # the others are probably from the same sender
                self._warn(f"An episode event was refused: {error}")
