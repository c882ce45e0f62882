"""Records one bag: it takes messages and writes them with samples and counts, in a separate thread.

Receiving a message only puts it into a bounded queue, so that a slow disk delays nothing. Messages that do not fit are
dropped and counted.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rosbags.interfaces import Qos

from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.message_queue import MessageQueue, NewTopic, Received
from aassl_ros.data.bags.recorded_images import RecordedImages
from aassl_ros.data.bags.recording_writer import RecordingWriter
from aassl_ros.data.bags.space import SpaceWatch, reserve_bytes
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger, TopicCounts
from aassl_ros.data.streams.sampling import FrameSampler
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.data.streams.topic_counts import NOT_ENCODED, QUEUE_FULL, TRANSPORT, WRITING_FAILED, EpisodeCounts
from aassl_ros.errors import AasslError, BagError, DiskFullError

# How often the thread checks the queue: rarely enough to use little CPU, often enough for a queue of one second.
_POLL_S = 0.05
_SNAPSHOT_S = 0.5


class Recording:
    """A bag that is open for recording until `close`. `receive` may be called from one other thread.

    Args:
        path: the folder of the bag, which must not exist yet.
        session: written first.
        storage: "mcap" or "sqlite3".
        sync: how samples are made; the defaults if None.
        queue_mb: maximum size of the messages that wait for the disk, 10^6 bytes.
        file: compression, checksum, fsync and the limit of free space; the defaults if None.
        jpeg: encodes the raw images of some cameras. Their topics are those that `add_topic` and `receive` are given;
            the bag, its session and ledger have the names of the compressed ones. None: all is recorded as it comes.

    Raises:
        BagError: the bag cannot be made, or too little space is free.
    """

    def __init__(
        self,
        path: Path,
        session: Session,
        *,
        storage: str = "mcap",
        sync: SyncSettings | None = None,
        queue_mb: float = 256.0,
        file: FileSettings | None = None,
        jpeg: JpegCameras | None = None,
    ) -> None:
        self.path = path
        self.error: AasslError | None = None
        self.episode: EpisodeCounts | None = None  # the newest one's counts, at most half a second old
        self._session = session if jpeg is None else jpeg.session(session)
        self._storage = storage
        self._file = file or FileSettings()
        self.space = SpaceWatch(path, self._file)
        self._sampler = FrameSampler(self._session, sync or SyncSettings())
        self._ledger = self._sampler.ledger
        self._latest = copy.deepcopy(self._ledger)
        self._queue = MessageQueue()
        self._images = None if jpeg is None else RecordedImages(jpeg, self._ledger, self._queue, self.warn)
        self.set_queue_mb(queue_mb)
        self._lock = threading.Lock()
        self._opened, self._stopping = threading.Event(), threading.Event()
        self._idle = True
        self._thread = threading.Thread(target=self._run, name="bag writer", daemon=True)
        self._thread.start()
        self._opened.wait()
        if self.error is not None:
            raise self.error

    def set_queue_mb(self, queue_mb: float) -> None:
        """Change the size limit of the queue, 10^6 bytes. Messages that already wait are kept."""
        self._queue.limit = int(queue_mb * 1e6)

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Add a topic before its first message.

        Args:
            name: the absolute name of the topic.
            msgtype: its type, such as "sensor_msgs/msg/Image".
            qos: the profiles that its publishers offer.
            type_hash: the hash of the type, if known.

        Raises:
            BagError: no definition of the type is found.
        """
        messages.definition(msgtype)
        topic = NewTopic(name, msgtype, tuple(qos), type_hash)
        if self._images is not None:
            topic = self._images.recorded(topic)
        if topic.name not in self._ledger.topics:
            # A new dictionary instead of a new key, because the other thread may iterate over the old one.
            self._ledger.topics = {**self._ledger.topics, topic.name: TopicCounts(topic.type)}
            self._queue.append(topic)

    def receive(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Queue a message. If the queue is full, the message is dropped and counted.

        Args:
            topic: a topic that was added.
            log_ns: time of receipt by the node's clock, ns; 0 if the clock has no time yet.
            publish_ns: time of publication, ns.
            data: the message as CDR.

        Raises:
            BagError: the topic was not added.
        """
        name = topic if self._images is None else self._images.look_at(topic, data)
        if name not in self._ledger.topics:
            raise BagError(f"{self.path}: a message on {topic}, which was not added to this bag. Call add_topic first.")
        counts = self._ledger.topics[name]
        with self._lock:
            counts.received += 1
            if self.error is not None or not self._queue.has_room(len(data)):
                cause = QUEUE_FULL if self.error is None else WRITING_FAILED
                counts.lose(cause, 1)
                self._sampler.losses.lost(name, cause, log_ns, 1)
                if cause == QUEUE_FULL and self._images is not None:
                    self._images.warn_if_slow()
                return
        self._append(topic, log_ns, publish_ns, data, len(data))

    def preload(self, messages: Iterable[tuple[str, int, int, bytes]]) -> None:
        """Queue messages that are in memory already, beyond the limit of the queue. Each is as in `receive`."""
        for topic, log_ns, publish_ns, data in messages:
            name = topic if self._images is None else self._images.look_at(topic, data)
            with self._lock:
                self._ledger.topics[name].received += 1
            self._append(topic, log_ns, publish_ns, data, 0)

    def lose(self, topic: str, count: int, cause: str = TRANSPORT, log_ns: int = 0) -> None:
        """Count messages that were not received. cause: of topic_counts.py; log_ns: about when, by the node."""
        name = topic if self._images is None else self._images.name(topic)
        self._ledger.topics[name].lose(cause, count)
        self._sampler.losses.lost(name, cause, log_ns, count)

    def set_sequence(self, topic: str, known: bool) -> None:
        """Note whether the middleware numbers a topic's messages. If not, gaps between stamps count as lost."""
        name = topic if self._images is None else self._images.name(topic)
        if name in self._ledger.topics:
            self._ledger.topics[name].sequence = known

    def warn(self, text: str) -> None:
        """Store a warning with the counts, once."""
        if text not in self._ledger.warnings:
            self._ledger.warnings = [*self._ledger.warnings, text]

    @property
    def settled(self) -> bool:
        """Whether all received messages are written and no frame waits for a joint state."""
        return not self._queue and self._idle and self._sampler.pending == 0

    @property
    def ledger(self) -> Ledger:
        """The counts, at most half a second old; the exact counts after writing has failed."""
        if not self._thread.is_alive() and self.error is not None:
            self._latest = self._sampler.current_ledger()
        return self._latest

    def begin_close(self) -> None:
        """Begin to close without waiting for the disk. `close` must still be called."""
        self._stopping.set()

    @property
    def finished(self) -> bool:
        """Whether the thread has ended, so that `close` does not wait."""
        return not self._thread.is_alive()

    def close(self) -> Ledger:
        """Write the queued messages, close the bag and return the final counts.

        Raises:
            DiskFullError: recording had stopped because of the disk; the bag is closed.
            BagError: writing failed.
        """
        self._stopping.set()
        self._thread.join()
        if self.error is not None:
            raise self.error
        return self._latest

    def _append(self, topic: str, log_ns: int, publish_ns: int, data: bytes, size: int) -> None:
        if self._images is None:
            self._queue.append(Received(topic, log_ns, max(publish_ns, 0), data, size))
        else:
            self._images.append(topic, log_ns, max(publish_ns, 0), data, size)

    def _refuse(self, item: Received, reason: str) -> None:
        """Count an image that could not be encoded; the first of a topic is also a warning."""
        counts = self._ledger.topics[item.topic]
        with self._lock:
            if NOT_ENCODED not in counts.causes:
                self.warn(f"{item.topic}: an image was dropped, because it could not be encoded as JPEG: {reason}")
            counts.malformed += 1
            counts.lose(NOT_ENCODED, 1)
        self._sampler.losses.malformed(item.topic, item.log_ns)
        self._sampler.losses.lost(item.topic, NOT_ENCODED, item.log_ns, 1)

    def _run(self) -> None:
        try:
            reserve = reserve_bytes(self._file)
            writer = BagWriter(self.path, self._storage, settings=self._file, reserve_bytes=reserve)
            with writer:
                self._opened.set()
                self._write_all(writer)
        except AasslError as error:
            self.error = error
        except Exception as error:
            self.error = BagError(f"{self.path}: writing failed because of a fault in aassl_ros: {error!r}.")
        finally:
            self._drop_rest()
            self._opened.set()

    def _write_all(self, writer: BagWriter) -> None:
        """Write until `close` is called or space runs out, then write the queued messages and the final counts."""
        bag = RecordingWriter(writer, self._session, self._sampler, self.space, self._stop_for_space, self._refuse)
        snapshot_due = 0.0
        stopping = False
        while not stopping and self.error is None:
            stopping = self._stopping.wait(_POLL_S)
            self._idle = False
            while self._queue and self.error is None:
                bag.write(self._queue.take())
            self._idle = True
            if time.monotonic() >= snapshot_due:
                snapshot_due = time.monotonic() + _SNAPSHOT_S
                self._latest = bag.save()
                self.episode = self._sampler.losses.running()
            bag.check_space()
        self._latest = bag.finish()

    def _stop_for_space(self, reason: str) -> None:
        """Take no more messages, so that the bag can still be closed. What is not written counts as dropped."""
        if self.error is None:
            self.error = DiskFullError(f"{self.path}: recording has stopped and the bag is closed: {reason}")
            self._queue.clear()
            self._drop_rest()
            self.warn(str(self.error))

    def _drop_rest(self) -> None:
        """After a failed write, count the messages that will not be written. `receive` counts all later ones."""
        with self._lock:
            if self.error is not None:
                for counts in self._ledger.topics.values():
                    counts.drop_rest()
