"""Finds the last session and ledger of a bag during recovery, and corrects the ledger's counts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.metadata import parse_metadata
from aassl_ros.data.bags.stored import StoredTopic
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import AasslError, DataError

_NAMES = (topics.SESSION, topics.LEDGER)


class RecoveredFacts:
    """Collects session and ledger of the damaged bag. custom_data: from its metadata.yaml, if it could be read."""

    def __init__(self, custom_data: Mapping[str, str]) -> None:
        self._custom_data = dict(custom_data)
        self._texts: dict[str, str] = {}

    def take_metadata(self, text: str, source: Path) -> None:
        """Use the copy of metadata.yaml in a file, if it can be read."""
        if text:
            with contextlib.suppress(DamagedError):
                self._custom_data |= parse_metadata(text, source).custom_data

    def take_message(self, topic: StoredTopic, data: bytes) -> None:
        """Use a message, if it is on one of the recorder's own topics."""
        if topic.type == messages.STRING:
            for name in _NAMES:
                if topic.name.endswith(f"/{name}"):
                    with contextlib.suppress(DataError):
                        self._texts[name] = messages.decode(messages.STRING, data).data

    def custom_data(self, counts: Mapping[str, int], *, whole: bool) -> dict[str, str]:
        """The custom data of the new bag. counts: its messages by topic. whole: whether nothing is missing."""
        found = self._custom_data | {name: text for name, text in self._texts.items() if name not in self._custom_data}
        if not whole and topics.LEDGER in found:
            # From a message and not from metadata.yaml, which may describe only a part of the recording.
            text = self._texts.get(topics.LEDGER, found[topics.LEDGER])
            with contextlib.suppress(AasslError):
                ledger = Ledger.from_json(text)
                _fit(ledger, counts, self._session(found))
                found[topics.LEDGER] = ledger.to_json()
        return found

    def _session(self, found: Mapping[str, str]) -> Session | None:
        with contextlib.suppress(AasslError):
            return Session.from_json(found[topics.SESSION]) if topics.SESSION in found else None
        return None


def _fit(ledger: Ledger, counts: Mapping[str, int], session: Session | None) -> None:
    """Correct the counts of a ledger, which is some seconds older than the last messages."""
    for name, topic in ledger.topics.items():
        topic.written = counts.get(name, 0)
        topic.received = max(topic.received, topic.written + topic.dropped)
    if session is not None:
        states = (session.topic(topics.sample_topics(camera)[0]) for camera in session.roles.cameras)
        ledger.frames_with_sample = sum(counts.get(name, 0) for name in states)
    text = "recovered: the counts of written messages are those of the recovered bag; other counts are a little older"
    ledger.warnings = [*ledger.warnings, text]
