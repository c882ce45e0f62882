"""The session and ledger of a bag while it is recovered: the last of each, and counts that fit what was saved."""

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
    """Takes what the damaged bag tells. custom_data: of its metadata.yaml, if that could be read."""

    def __init__(self, custom_data: Mapping[str, str]) -> None:
        self._custom_data = dict(custom_data)
        self._texts: dict[str, str] = {}

    def take_metadata(self, text: str, source: Path) -> None:
        """Take the copy of metadata.yaml inside a file, if it can be read."""
        if text:
            with contextlib.suppress(DamagedError):
                self._custom_data |= parse_metadata(text, source).custom_data

    def take_message(self, topic: StoredTopic, data: bytes) -> None:
        """Take a message; those on the recorder's own topics tell something."""
        if topic.type == messages.STRING:
            for name in _NAMES:
                if topic.name.endswith(f"/{name}"):
                    with contextlib.suppress(DataError):
                        self._texts[name] = messages.decode(messages.STRING, data).data

    def custom_data(self, counts: Mapping[str, int], *, whole: bool) -> dict[str, str]:
        """Texts for metadata.yaml of the new bag. counts: its messages by topic. whole: whether nothing is missing."""
        found = self._custom_data | {name: text for name, text in self._texts.items() if name not in self._custom_data}
        if not whole and topics.LEDGER in found:
            # Of a message rather than of metadata.yaml: that tells of a part of the recording, if at all.
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
    """Make the counts of a ledger, seconds older than the last messages, agree with what is there."""
    for name, topic in ledger.topics.items():
        topic.written = counts.get(name, 0)
        topic.received = max(topic.received, topic.written + topic.dropped)
    if session is not None:
        states = (session.topic(topics.sample_topics(camera)[0]) for camera in session.roles.cameras)
        ledger.frames_with_sample = sum(counts.get(name, 0) for name in states)
    text = "recovered: the counts of what was written are of the recovered bag, the others a little older"
    ledger.warnings = [*ledger.warnings, text]
