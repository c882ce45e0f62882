"""The raw images that one recording writes as JPEG: their names in the bag, and cameras that cannot be encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aassl_ros.data.bags.jpeg_cameras import JpegCameras, compressed_name
from aassl_ros.data.bags.message_queue import MessageQueue, NewTopic, Received
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import Ledger

TOO_SLOW = (
    "Images come faster than they are encoded, so some are dropped. Let the cameras send fewer or smaller images, give "
    "the recorder more CPUs, or record them raw (jpeg_quality: 0)."
)
"""The warning of a recording whose queue is full of images that wait for the workers."""


class RecordedImages:
    """Used by the thread that receives.

    Args:
        jpeg: the cameras and workers.
        ledger: of the recording; its topics have the names in the bag.
        queue: to the thread that writes.
        warn: stores a warning with the counts.
    """

    def __init__(self, jpeg: JpegCameras, ledger: Ledger, queue: MessageQueue, warn: Callable[[str], None]) -> None:
        self._jpeg = jpeg
        self._ledger, self._queue, self._warn = ledger, queue, warn
        self._found: dict[str, NewTopic] = {}

    def name(self, topic: str) -> str:
        """The name under which a received topic is recorded."""
        return self._jpeg.name(topic)

    def recorded(self, topic: NewTopic) -> NewTopic:
        """The topic to record instead of a received one."""
        if topic.name not in self._jpeg:
            return topic
        if topic.type != messages.IMAGE:
            self._jpeg.keep_raw(topic.name)
            self._warn_raw(topic.name, f"it has type {topic.type}, expected {messages.IMAGE}.")
            return topic._replace(instead_of=compressed_name(topic.name))
        self._found[topic.name] = topic
        return self._jpeg.recorded(topic)

    def look_at(self, topic: str, data: bytes) -> str:
        """Return the name under which a message is recorded. The first image of a camera decides.

        Args:
            topic: the received topic.
            data: the message as CDR.
        """
        if topic in self._found and topic in self._jpeg and (reason := self._jpeg.refusal(topic, data)):
            self._keep_raw(topic, reason)
        return self._jpeg.name(topic)

    def append(self, topic: str, log_ns: int, publish_ns: int, data: bytes, size: int) -> None:
        """Queue a message; an image is encoded until its turn comes. For arguments, see `Received`."""
        queued = self._jpeg.encode(topic, data) if topic in self._jpeg else data
        self._queue.append(Received(self._jpeg.name(topic), log_ns, publish_ns, queued, size))

    def warn_if_slow(self) -> None:
        """If the queue is full because images wait for the workers, say so."""
        if self._jpeg.behind:
            self._warn(TOO_SLOW)

    def _keep_raw(self, topic: str, reason: str) -> None:
        counts, encoded = dict(self._ledger.topics), self._jpeg.name(topic)
        counts[topic] = replace(counts.pop(encoded), type=messages.IMAGE)
        self._ledger.topics = counts
        self._jpeg.keep_raw(topic)
        self._queue.append(self._found.pop(topic)._replace(instead_of=encoded))
        self._warn_raw(topic, reason)

    def _warn_raw(self, topic: str, reason: str) -> None:
        self._warn(f"{topic} is recorded raw in spite of jpeg_quality: {reason}")
