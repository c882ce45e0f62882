"""Writes received messages into a bag, with the session, the samples of each frame and the counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from aassl_ros.data.bags.message_queue import NewTopic, Received
from aassl_ros.data.bags.space import SpaceWatch
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.sampling import FrameSampler
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.topic_counts import EpisodeCounts
from aassl_ros.errors import DataError

_LEDGER_PERIOD_NS = 5_000_000_000


class RecordingWriter:
    """The part of a recording that its own thread uses.

    Args:
        writer: of the bag, open.
        session: written first.
        sampler: makes the samples; its ledger has the counts.
        space: told what is written.
        stop: called with the reason if the disk has too little space. It takes all messages from the queue.
        refuse: called with an image that a worker could not encode, and the reason.
    """

    def __init__(
        self,
        writer: BagWriter,
        session: Session,
        sampler: FrameSampler,
        space: SpaceWatch,
        stop: Callable[[str], None],
        refuse: Callable[[Received, str], None],
    ) -> None:
        self._writer = writer
        self._session = session
        self._sampler = sampler
        self._ledger = sampler.ledger
        self._space = space
        self._stop, self._refuse = stop, refuse
        self._awaiting: dict[str, NewTopic] = {}
        self._early: list[Received] = []
        self._last_log_ns = 0
        self._next_ledger_ns = 0

    def write(self, item: NewTopic | Received) -> None:
        """Add a topic, or write a message and the samples that it completes. Raises BagError."""
        if isinstance(item, NewTopic):
            self._add_topic(item)
            return
        if item.log_ns == 0:
            self._early.append(item)
            return
        if self._early:
            self._write_early(item.log_ns)
        self._write_message(item)
        if item.log_ns >= self._next_ledger_ns:
            self._next_ledger_ns = item.log_ns + _LEDGER_PERIOD_NS
            self._write_own(topics.LEDGER, self._sampler.current_ledger().to_json())

    def save(self) -> Ledger:
        """Write the counts of episodes that are due, give all to the system, and return the counts. Raises BagError."""
        self._write_episodes(self._sampler.losses.to_write(self._last_log_ns))
        self._writer.flush()
        self._space.check(self._writer.size)
        return self._sampler.current_ledger()

    def check_space(self) -> None:
        """Stop if the disk has too little space."""
        if reason := self._space.wrote(0, self._writer):
            self._stop_for_space(reason)

    def finish(self) -> Ledger:
        """Write what waits for a time or a joint state, the final counts and the custom data. Raises BagError."""
        self._write_early(self._last_log_ns or time.time_ns())
        if self._last_log_ns == 0:
            self._begin(time.time_ns())
        for topic in list(self._awaiting.values()):
            self._add_topic(topic._replace(awaits_message=False))
        self._sampler.flush()
        self._write_samples()
        self._write_episodes(self._sampler.losses.flush())
        self._ledger.closed = True
        final = self._sampler.current_ledger()
        self._write_own(topics.LEDGER, final.to_json())
        self._writer.set_custom_data(topics.SESSION, self._session.to_json())
        self._writer.set_custom_data(topics.LEDGER, final.to_json())
        return final

    def _write_early(self, log_ns: int) -> None:
        """Write the messages received before the first /clock, with this time of receipt."""
        for item in self._early:
            self._write_message(item._replace(log_ns=log_ns))
        self._early.clear()

    def _add_topic(self, topic: NewTopic) -> None:
        if topic.awaits_message:
            self._awaiting[topic.name] = topic
            return
        self._awaiting.pop(topic.name, None)
        self._writer.add_topic(topic.name, topic.type, qos=topic.qos, type_hash=topic.type_hash)
        if topic.instead_of:
            self._awaiting.pop(topic.instead_of, None)
            self._move_cameras(topic.instead_of, topic.name)

    def _move_cameras(self, old: str, new: str) -> None:
        """Say in the session and to the sampler that cameras have another topic. The last session in a bag is valid."""
        roles = self._session.roles
        for camera in [camera for camera, topic in roles.cameras.items() if topic == old]:
            self._sampler.move_camera(camera, new)
            roles = replace(roles, cameras={**roles.cameras, camera: new})
        self._session = replace(self._session, roles=roles)
        if self._last_log_ns:
            self._write_own(topics.SESSION, self._session.to_json())

    def _write_message(self, item: Received) -> None:
        if self._last_log_ns == 0:
            self._begin(item.log_ns)
        self._last_log_ns = item.log_ns
        try:
            # Messages stay in order of receipt: those behind an image wait until it is encoded.
            data = item.data.result() if isinstance(item.data, Future) else item.data
        except DataError as error:
            self._refuse(item, str(error))
            return
        if item.topic in self._awaiting:
            self._add_topic(self._awaiting[item.topic]._replace(awaits_message=False))
        self._writer.write(item.topic, item.log_ns, item.publish_ns, data)
        self._ledger.topics[item.topic].written += 1
        self._sampler.take(item.topic, item.log_ns, data)
        if self._sampler.has_samples:
            self._write_samples()
        if reason := self._space.wrote(len(data), self._writer):
            self._stop_for_space(reason)

    def _begin(self, log_ns: int) -> None:
        """Write the session, once the time is known."""
        self._last_log_ns = log_ns
        self._session = self._session.started(log_ns)
        self._write_own(topics.SESSION, self._session.to_json())

    def _write_samples(self) -> None:
        for topic, data in self._sampler.samples():
            self._write_own_cdr(topic, messages.JOINT_STATE, data)

    def _write_episodes(self, episodes: list[EpisodeCounts]) -> None:
        for counts in episodes:
            self._write_own(topics.EPISODE_LEDGER, counts.to_json())

    def _write_own(self, name: str, text: str) -> None:
        self._write_own_cdr(self._session.topic(name), messages.STRING, messages.encode_string(text))

    def _write_own_cdr(self, topic: str, msgtype: str, data: bytes) -> None:
        self._writer.add_topic(topic, msgtype)
        self._writer.write(topic, self._last_log_ns, self._last_log_ns, data)

    def _stop_for_space(self, reason: str) -> None:
        self._early.clear()
        self._stop(reason)
