"""Reads bags from our recorder or others: topics, session, and messages in order of receipt."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from aassl_ros.data.bags.bag_message import BagMessage, TopicSummary
from aassl_ros.data.bags.containers import find_files, open_file, plain_name
from aassl_ros.data.bags.damage import DamagedError, UnclosedError
from aassl_ros.data.bags.decompression import ZSTD_MAGIC, message_bytes
from aassl_ros.data.bags.definitions import BagTypes
from aassl_ros.data.bags.labels import read_labels
from aassl_ros.data.bags.metadata import parse_metadata
from aassl_ros.data.bags.stored import Part, StorageFile, StoredMessage, StoredTopic, in_few_words, in_order
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.ledger import EpisodeCounts, Ledger
from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import AasslError, BagError, DataError, first_line

__all__ = ["BagMessage", "BagReader", "TopicSummary", "header_stamp_ns"]


class BagReader:
    """A bag that is open for reading. Use it in a `with` block, or `close` it.

    Args:
        bag: a folder, one file (.mcap, .db3, .bag), or the files of one recording; see docs/bags.md.

    Raises:
        BagError: there is no bag, it is damaged, or it was not closed.
    """

    def __init__(self, bag: Path | str | Sequence[Path]) -> None:
        paths = Path(bag) if isinstance(bag, str) else bag
        self.path = paths if isinstance(paths, Path) else paths[0] if paths else Path()
        self._files: list[StorageFile] = []
        self._scratch: TemporaryDirectory[str] | None = None
        self._buffer = bytearray()
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
            # A topic of two types is of neither: nobody may take all its messages for the first's.
            known = topic.type in before.type.split(" and ")
            kind = before.type if known else f"{before.type} and {topic.type}"
            self.topics[topic.name] = TopicSummary(kind, before.message_count + (topic.message_count or 0))
        for name, (kind, _) in self._metadata.counts.items() if self._metadata else ():
            self.topics.setdefault(name, TopicSummary(kind, 0))

    def qos(self, topic: str) -> str:
        """The QoS profiles that the publishers of a topic offered, as YAML of rosbag2; empty if unknown."""
        return next((stored.qos for stored in self._stored if stored.name == topic and stored.qos), "")

    @property
    def custom_data(self) -> dict[str, str]:
        """The custom texts in metadata.yaml."""
        return dict(self._metadata.custom_data) if self._metadata else {}

    @property
    def storage(self) -> str:
        """The storage format: "mcap", "sqlite3" or "rosbag1"."""
        return self._files[0].storage if self._files else self._metadata.storage if self._metadata else ""

    @property
    def message_count(self) -> int:
        """The number of messages in the bag."""
        return sum(file.message_count for file in self._files)

    @property
    def declared_counts(self) -> dict[str, int]:
        """The number of messages of each topic in metadata.yaml; empty if there is no such file."""
        return {name: count for name, (_, count) in self._metadata.counts.items()} if self._metadata else {}

    @property
    def duration_s(self) -> float:
        """Time from the first to the last message, s."""
        return max(0, max((file.end_ns for file in self._filled()), default=0) - self.start_ns) / 1e9

    @property
    def start_ns(self) -> int:
        """Time of receipt of the first message, ns; 0 if there is none."""
        return min((file.start_ns for file in self._filled()), default=0)

    @property
    def session(self) -> Session | None:
        """The session that the recorder wrote; None in a bag of another recorder. Raises BagError if it is damaged."""
        text = self.custom_data.get(topics.SESSION) or self._last_text(topics.SESSION)
        with self._naming():
            return Session.from_json(text) if text else None

    @property
    def ledger(self) -> Ledger | None:
        """The recorder's counts; None in a bag of another recorder. Raises BagError if they are damaged."""
        text = self.custom_data.get(topics.LEDGER) or self._last_text(topics.LEDGER)
        with self._naming():
            return Ledger.from_json(text) if text else None

    def episode_ledgers(self) -> tuple[EpisodeCounts, ...]:
        """The recorder's counts of each episode in order of their start. Damaged ones are skipped."""
        found = [topic for topic in self.topics if f"/{topic}".endswith(f"/{topics.EPISODE_LEDGER}")]
        newest: dict[str, EpisodeCounts] = {}
        for message in self.messages(found) if found else ():
            with contextlib.suppress(DataError, BagError):
                counts = EpisodeCounts.from_json(_text(self.decode(message)))
                newest[counts.id] = counts
        return tuple(sorted(newest.values(), key=lambda counts: counts.start_ns))

    @property
    def labels(self) -> tuple[Episode, ...] | None:
        """The episodes of `labels.json`, which replace the recorded ones; None without. Raises BagError if damaged."""
        labels = read_labels(self.path)
        if labels is None or self.session is None:
            return labels
        robot = self.session.robot
        return tuple(replace(episode, robot=robot) for episode in labels)

    def episodes(self) -> tuple[Episode, ...]:
        """The episodes of the bag in order of their start, also discarded ones: the labels, else the recorded ones."""
        labels = self.labels
        return self.recorded_episodes() if labels is None else labels

    def recorded_episodes(self) -> tuple[Episode, ...]:
        """The recorded episodes in order of their start, also discarded ones. Unreadable events are skipped."""
        session = self.session
        tracker = EpisodeTracker(session.robot if session else "")
        name = session.roles.episode if session else f"/{topics.EPISODE}"
        for message in self.messages([name]) if name in self.topics else ():
            with contextlib.suppress(DataError):
                tracker.add(EpisodeEvent.parse(_text(self.decode(message))))
        return tracker.episodes

    def messages(
        self, wanted: Collection[str] = (), *, verify: bool = False, begins: bool = False
    ) -> Iterator[BagMessage]:
        """Read messages in order of receipt, without decoding them.

        Messages of ROS 1 are converted to CDR; one that cannot be read as its type is empty.

        Args:
            wanted: the topics to read; empty means all.
            verify: also compare checksums, if there are any.
            begins: of large messages, such as raw images, read only the first 4 KiB. `decode` and `content` read all.
                For MCAP that is not compressed; other files give whole messages.

        Yields:
            The messages.

        Raises:
            BagError: a topic is not in the bag, or the file is damaged.
        """
        for name in wanted:
            if name not in self.topics:
                raise BagError(f"{self.path} holds no topic {name} (found: {in_few_words(list(self.topics))}).")
        names = frozenset(wanted or self.topics)
        parts = [Part(file.start_ns, partial(file.messages, names, verify=verify)) for file in self._filled()]
        with self._advising():
            for stored in in_order(parts):
                log_ns, publish_ns, topic, data, large = stored
                packed = topic.encoding == "ros1" or data[:4] == ZSTD_MAGIC
                if large is not None and (packed or not begins):
                    data, large = large.read(), None
                if packed:
                    data = self._cdr(stored._replace(data=data))
                yield BagMessage(topic.name, topic.type, log_ns, publish_ns, data, large)

    def decode(self, message: BagMessage) -> Any:
        """Decode a message. Its fields have the names in its .msg file.

        Raises:
            DataError: its bytes are damaged.
            BagError: it is large, was not read yet, and cannot be read.
        """
        if message.large is None:
            return self._types.decode(message.type, message.data)
        with self._advising():
            data = message.large.read()
        return self._types.decode(message.type, data)

    def content(self, message: BagMessage) -> bytes | memoryview:
        """The CDR of a message. If it is large, it is valid until the next call. Raises BagError as `decode` does."""
        if message.large is None:
            return message.data
        size = message.large.size
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        view = memoryview(self._buffer)[:size]
        with self._advising():
            message.large.read_into(view)
        return view

    def close(self) -> None:
        """Close the files."""
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
        """If there is no metadata.yaml, use the copy in the last file. A damaged copy is ignored."""
        inside = self._files[-1].metadata_text if self._files and self._metadata is None else ""
        if inside:
            with contextlib.suppress(DamagedError):
                # Without its counts, which may be those of this file only.
                self._metadata = replace(parse_metadata(inside, self._files[-1].path), counts={}, files=())

    def _cdr(self, stored: StoredMessage) -> bytes:
        """The CDR of a message that is compressed or of ROS 1."""
        try:
            data = message_bytes(stored.data)
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
        """The last String on a topic of that relative name in any namespace. Other messages are ignored."""
        found = [topic for topic in self.topics if topic == name or topic.endswith("/" + name)]
        text = None
        for message in self.messages(found) if found else ():
            with contextlib.suppress(DataError):
                text = _text(self.decode(message))
        return text

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except BagError as error:
            raise BagError(f"{self.path}: {error}") from error

    @contextlib.contextmanager
    def _advising(self) -> Iterator[None]:
        """Add advice to errors about damaged or unclosed files."""
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
