"""Reads recordings, ours and others': topics, session facts, and messages in order of receipt."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, NamedTuple

from aassl_ros.data.bags.containers import find_files, open_file, plain_name
from aassl_ros.data.bags.damage import DamagedError, UnclosedError
from aassl_ros.data.bags.decompression import ZSTD_MAGIC, message_bytes
from aassl_ros.data.bags.definitions import BagTypes
from aassl_ros.data.bags.metadata import parse_metadata
from aassl_ros.data.bags.stored import Part, StorageFile, StoredMessage, StoredTopic, in_order
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import AasslError, BagError, DataError, first_line

__all__ = ["BagMessage", "BagReader", "TopicSummary", "header_stamp_ns"]


class BagMessage(NamedTuple):
    """One message as CDR. log_ns: receipt; publish_ns: source time (sqlite3 and ROS 1 keep none: log_ns again)."""

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

    bag: a folder, one file (.mcap, .db3, .bag), or the files of one recording; see docs/bags.md.
    Raises BagError if there is none, or it is damaged or was not closed.
    """

    def __init__(self, bag: Path | str | Sequence[Path]) -> None:
        paths = Path(bag) if isinstance(bag, str) else bag
        self.path = paths if isinstance(paths, Path) else paths[0] if paths else Path()
        self._files: list[StorageFile] = []
        self._scratch: TemporaryDirectory[str] | None = None
        try:
            with self._advising():
                found = find_files(paths)
                self._metadata = found.metadata
                self.compression = "file" if any(plain_name(file) != file.name for file in found.files) else ""
                if self.compression:
                    self._scratch = TemporaryDirectory(prefix="aassl-bag-")
                for file in found.files:
                    self._files.append(open_file(file, self._scratch))
                self._take_metadata_inside()
        except BaseException:
            self.close()
            raise
        self._stored: list[StoredTopic] = [topic for file in self._files for topic in file.topics]
        self._types = BagTypes(self._stored)
        self.topics: dict[str, TopicSummary] = {}
        for topic in self._stored:
            before = self.topics.get(topic.name, TopicSummary(topic.type, 0))
            self.topics[topic.name] = TopicSummary(topic.type, before.message_count + (topic.message_count or 0))
        for name, (kind, _) in self._metadata.counts.items() if self._metadata else ():
            self.topics.setdefault(name, TopicSummary(kind, 0))

    @property
    def custom_data(self) -> dict[str, str]:
        """The texts kept in metadata.yaml."""
        return dict(self._metadata.custom_data) if self._metadata else {}

    @property
    def storage(self) -> str:
        """mcap, sqlite3 or rosbag1."""
        return self._files[0].storage if self._files else self._metadata.storage if self._metadata else ""

    @property
    def message_count(self) -> int:
        """Messages in the bag."""
        return sum(file.message_count for file in self._files)

    @property
    def declared_counts(self) -> dict[str, int]:
        """Messages of each topic as metadata.yaml tells them; empty if there is none."""
        return {name: count for name, (_, count) in self._metadata.counts.items()} if self._metadata else {}

    @property
    def duration_s(self) -> float:
        """Seconds between the first receipt and the last."""
        return max(0, max((file.end_ns for file in self._filled()), default=0) - self.start_ns) / 1e9

    @property
    def start_ns(self) -> int:
        """Receipt of the first message; 0 if there is none."""
        return min((file.start_ns for file in self._filled()), default=0)

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
                tracker.add(EpisodeEvent.parse(_text(self.decode(message))))
        return tracker.episodes

    def messages(self, wanted: Collection[str] = (), *, verify: bool = False) -> Iterator[BagMessage]:
        """The messages of these topics (all, if none are named) in order of receipt, undecoded.

        Messages of ROS 1 come as CDR too, empty if they are not of their type.
        verify: compare checksums as well, if there are any.
        Raises BagError if a topic is not in the bag or the file is damaged.
        """
        for topic in wanted:
            if topic not in self.topics:
                raise BagError(f"{self.path} holds no topic {topic} (found: {', '.join(self.topics) or 'nothing'}).")
        names = frozenset(wanted or self.topics)
        parts = [Part(file.start_ns, partial(file.messages, names, verify=verify)) for file in self._filled()]
        with self._advising():
            for stored in in_order(parts):
                yield BagMessage(
                    stored.topic.name, stored.topic.type, stored.log_ns, stored.publish_ns, self._cdr(stored)
                )

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields named as in its .msg file. Raises DataError if its bytes are damaged."""
        return self._types.decode(message.type, message.data)

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            self._files.pop().close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _filled(self) -> list[StorageFile]:
        return [file for file in self._files if file.message_count]

    def _take_metadata_inside(self) -> None:
        """Without metadata.yaml, the copy in the last file has what it had; a damaged one is passed over."""
        inside = self._files[-1].metadata_text if self._files and self._metadata is None else ""
        if inside:
            with contextlib.suppress(DamagedError):
                # Not its counts: they may be of this file alone.
                self._metadata = replace(parse_metadata(inside, self._files[-1].path), counts={}, files=())

    def _cdr(self, stored: StoredMessage) -> bytes:
        data = stored.data
        if data.startswith(ZSTD_MAGIC):
            try:
                data = message_bytes(data)
            except ValueError as error:
                what = f"the message of {stored.topic.name} received at {stored.log_ns} ns cannot be read: {error}"
                raise DamagedError(self.path, what) from error
        if stored.topic.encoding == "ros1":
            try:
                return self._types.cdr(stored.topic.type, data)
            except DataError:
                return b""
        return data

    def _last_text(self, name: str) -> str | None:
        """The last String on a topic of that relative name, whatever its namespace; what is no String is left out."""
        found = [topic for topic in self.topics if topic == name or topic.endswith("/" + name)]
        text = None
        for message in self.messages(found) if found else ():
            with contextlib.suppress(DataError):
                text = _text(self.decode(message))
        return text

    @contextlib.contextmanager
    def _advising(self) -> Iterator[None]:
        """Say with each damage what may be done about it."""
        try:
            yield
        except (DamagedError, UnclosedError) as error:
            advice = f" Try: aassl bag recover {self.path}" if getattr(error, "recoverable", True) else ""
            raise BagError(f"{error}{advice}") from error
        except AasslError:
            raise
        except (OSError, MemoryError) as error:
            raise BagError(f"{self.path} cannot be read: {first_line(error)}.") from error


def _text(message: Any) -> str:
    """The text of a std_msgs/String. Raises DataError if the message is something else."""
    text = getattr(message, "data", None)
    if not isinstance(text, str):
        raise DataError(f"a message of another type than std_msgs/String: {type(message).__name__}")
    return text
