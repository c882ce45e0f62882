"""Reads rosbag2 directories, ours and others': topics, session facts, and messages in order of receipt."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import yaml
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.errors import ReaderError

from aassl_ros.data.bags.mcap_messages import mcap_messages
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import AasslError, BagError, DataError, first_line

__all__ = ["BagMessage", "BagReader", "TopicSummary", "header_stamp_ns"]


class BagMessage(NamedTuple):
    """One message as it was written. log_ns: receipt; publish_ns: source time (sqlite3 keeps none: log_ns again)."""

    topic: str
    type: str
    log_ns: int
    publish_ns: int
    data: bytes


class TopicSummary(NamedTuple):
    """A topic of a bag."""

    type: str
    message_count: int


class BagReader:
    """A bag opened for reading; use it in a `with`, or `close` it.

    path: a rosbag2 directory with metadata.yaml. Raises BagError where there is none or it is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise BagError(f"There is no bag {self.path}.")
        if not (self.path / "metadata.yaml").is_file():
            raise BagError(
                f"{self.path} holds no metadata.yaml: it is no bag, or one that was not closed "
                f"(then try: aassl bag recover {self.path})."
            )
        try:
            self._reader = Reader(self.path)
            self._reader.open()
            information = yaml.safe_load((self.path / "metadata.yaml").read_text(encoding="utf-8"))
            self._information: dict[str, Any] = information["rosbag2_bagfile_information"]
        except Exception as error:  # rosbags raises struct.error, KeyError and more on damaged files
            raise self._damaged(error) from error
        for connection in self._reader.connections:
            if connection.msgdef.format == MessageDefinitionFormat.MSG:
                messages.register(connection.msgtype, connection.msgdef.data)
        self.topics: dict[str, TopicSummary] = {}
        for connection in self._reader.connections:
            before = self.topics.get(connection.topic)
            count = connection.msgcount + (before.message_count if before else 0)
            self.topics[connection.topic] = TopicSummary(connection.msgtype, count)

    @property
    def custom_data(self) -> dict[str, str]:
        """The texts kept in metadata.yaml."""
        return dict(self._information.get("custom_data") or {})

    @property
    def storage(self) -> str:
        """mcap or sqlite3."""
        return str(self._information["storage_identifier"])

    @property
    def message_count(self) -> int:
        """Messages in the bag."""
        return self._reader.message_count

    @property
    def duration_s(self) -> float:
        """Seconds between the first receipt and the last."""
        return float(self._information["duration"]["nanoseconds"]) / 1e9

    @property
    def start_ns(self) -> int:
        """Receipt of the first message."""
        return int(self._information["starting_time"]["nanoseconds_since_epoch"])

    @property
    def session(self) -> Session | None:
        """The facts that the recorder wrote; None in a bag of another recorder."""
        text = self.custom_data.get(topics.SESSION) or self._last_text(topics.SESSION)
        return Session.from_json(text) if text else None

    @property
    def ledger(self) -> Ledger | None:
        """The recorder's counts; None in a bag of another recorder."""
        text = self.custom_data.get(topics.LEDGER) or self._last_text(topics.LEDGER)
        return Ledger.from_json(text) if text else None

    def episodes(self) -> tuple[Episode, ...]:
        """The episodes marked in the bag, discarded ones too, by start; marks that cannot be read are left out."""
        session = self.session
        tracker = EpisodeTracker(session.robot if session else "")
        name = session.roles.episode if session else f"/{topics.EPISODE}"
        for message in self.messages([name]) if name in self.topics else ():
            with contextlib.suppress(DataError):
                tracker.add(EpisodeEvent.parse(self.decode(message).data))
        return tracker.episodes

    def messages(self, wanted: Collection[str] = (), *, verify: bool = False) -> Iterator[BagMessage]:
        """The messages of these topics (all, if none are named) in order of receipt, undecoded.

        verify: compare checksums as well, where there are any (MCAP).
        Raises BagError where a topic is not in the bag or the file is damaged.
        """
        for topic in wanted:
            if topic not in self.topics:
                raise BagError(f"{self.path} holds no topic {topic} (found: {', '.join(self.topics) or 'nothing'}).")
        names = set(wanted or self.topics)
        try:
            if self.storage == "mcap" and not self._information.get("compression_mode"):
                for name in self._information["relative_file_paths"]:
                    found = mcap_messages(self.path / Path(name).name, names, verify=verify)
                    for log_ns, publish_ns, topic, data in found:
                        yield BagMessage(topic, self.topics[topic].type, log_ns, publish_ns, data)
            else:
                connections = [one for one in self._reader.connections if one.topic in names]
                for connection, log_ns, data in self._reader.messages(connections):
                    yield BagMessage(connection.topic, connection.msgtype, log_ns, log_ns, bytes(data))
        except AasslError:
            raise
        except Exception as error:  # see __init__
            raise self._damaged(error) from error

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields named as in its .msg file. Raises DataError where its bytes are damaged."""
        return messages.decode(message.type, message.data)

    def close(self) -> None:
        """Let go of the files."""
        if self._reader.is_open:
            self._reader.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _last_text(self, name: str) -> str | None:
        """The last String on a topic of that relative name, whatever its namespace."""
        found = [topic for topic in self.topics if topic == name or topic.endswith("/" + name)]
        text = None
        for message in self.messages(found) if found else ():
            text = self.decode(message).data
        return text

    def _damaged(self, error: Exception) -> BagError:
        reason = first_line(error)
        known = isinstance(error, (ReaderError, OSError))
        return BagError(
            f"{self.path} is damaged{'' if known else ' or of unknown form'}: {reason}. "
            f"Try: aassl bag recover {self.path}"
        )
