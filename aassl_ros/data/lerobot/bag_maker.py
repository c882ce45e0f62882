"""Writes a bag as our recorder does, but from data that are known in full: nothing waits and nothing is dropped."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger, TopicCounts
from aassl_ros.data.streams.sampling import FrameSampler
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.sync import SyncSettings


class BagMaker:
    """Takes messages in order of time, and writes them with session, samples and ledger.

    Args:
        path: the folder of the bag, which must not exist.
        session: of the bag.
        storage: "mcap" or "sqlite3".

    Raises:
        BagError: the bag cannot be made.
    """

    def __init__(self, path: Path, session: Session, storage: str = "mcap") -> None:
        self._session = session
        self._sampler = FrameSampler(session, SyncSettings.of_session(session, path))
        self._writer = BagWriter(path, storage)
        self._now_ns = 0

    def add(self, topic: str, msgtype: str, time_ns: int, data: bytes) -> None:
        """Write a message. One that is earlier than the message before it is written with the time of that one."""
        ledger = self._sampler.ledger
        if not self._now_ns:
            self._now_ns = time_ns
            self._session = self._session.started(time_ns)
            self._own(topics.SESSION, self._session.to_json())
        self._now_ns = max(self._now_ns, time_ns)
        counts = ledger.topics.setdefault(topic, TopicCounts(msgtype))
        self._writer.add_topic(topic, msgtype)
        self._writer.write(topic, self._now_ns, time_ns, data)
        counts.received += 1
        counts.written += 1
        self._sampler.take(topic, self._now_ns, data)
        self._write_samples()

    def lose(self, topic: str, msgtype: str, why: str) -> None:
        """Count a message that the source should have but lacks."""
        ledger = self._sampler.ledger
        ledger.topics.setdefault(topic, TopicCounts(msgtype)).lost += 1
        ledger.warnings = [*ledger.warnings, f"{topic}: {why}"]

    def close(self) -> Ledger:
        """Write the last samples and the counts, and close the bag."""
        self._sampler.flush()
        self._write_samples()
        self._sampler.ledger.closed = True
        ledger = self._sampler.current_ledger()
        self._own(topics.LEDGER, ledger.to_json())
        self._writer.set_custom_data(topics.SESSION, self._session.to_json())
        self._writer.set_custom_data(topics.LEDGER, ledger.to_json())
        self._writer.close()
        return ledger

    def __enter__(self) -> BagMaker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._writer.__exit__(kind, error, trace)

    def _write_samples(self) -> None:
        for topic, data in self._sampler.samples():
            self._write(topic, messages.JOINT_STATE, data)

    def _own(self, name: str, text: str) -> None:
        self._write(self._session.topic(name), messages.STRING, messages.encode_string(text))

    def _write(self, topic: str, msgtype: str, data: bytes) -> None:
        self._writer.add_topic(topic, msgtype)
        self._writer.write(topic, self._now_ns, self._now_ns, data)
