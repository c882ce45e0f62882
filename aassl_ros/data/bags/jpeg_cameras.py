"""Encodes the images of raw cameras as JPEG in worker threads, while they are recorded."""

from __future__ import annotations

import os
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from aassl_ros.data.bags.message_queue import NewTopic
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.jpeg_encoding import encode_jpeg
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import DataError

# More do not help: the thread that writes then needs the time.
_MOST_THREADS = 4


class JpegCameras:
    """The cameras whose raw images are recorded as JPEG. One object serves all bags of a series.

    The first image of a camera decides: if it cannot be encoded, the camera is recorded raw.
    All functions but `size` are called by the thread that receives.

    Args:
        topics: of the raw images, absolute names.
        quality: of the JPEGs, 1 to 100.
        threads: number of workers; 0: one for each CPU that this process may use, at most 4.
    """

    def __init__(self, topics: Collection[str], quality: int, threads: int = 0) -> None:
        self._quality = quality
        self.threads = threads or max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0))))
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="jpeg")
        self._names = {topic: compressed_name(topic) for topic in topics}
        self._seen: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._waiting = 0
        self._lock = Lock()

    def __contains__(self, topic: str) -> bool:
        """Whether messages of a received topic are encoded."""
        return topic in self._names

    def name(self, topic: str) -> str:
        """The name under which a received topic is recorded."""
        return self._names.get(topic, topic)

    def recorded(self, topic: NewTopic) -> NewTopic:
        """The topic to record instead of a received one. It is added to the bag with its first message."""
        if topic.name not in self._names:
            return topic
        return NewTopic(self._names[topic.name], messages.COMPRESSED_IMAGE, topic.qos, "", awaits_message=True)

    def session(self, session: Session) -> Session:
        """The session with the names of the recorded topics as its cameras'."""
        cameras = {camera: self.name(topic) for camera, topic in session.roles.cameras.items()}
        return replace(session, roles=replace(session.roles, cameras=cameras))

    def refusal(self, topic: str, data: bytes) -> str:
        """Why the first image of a camera cannot be encoded; empty if it can, and for every later image.

        Args:
            topic: a received topic that is encoded.
            data: the message as CDR.
        """
        if topic in self._seen:
            return ""
        self._seen.add(topic)
        try:
            encode_jpeg(data, self._quality)
        except DataError as error:
            return str(error)
        return ""

    def keep_raw(self, topic: str) -> None:
        """Record a topic as it comes from now on."""
        self._names.pop(topic, None)

    def encode(self, topic: str, data: bytes) -> Future[bytes]:
        """Give an image to the workers. The result is a sensor_msgs/CompressedImage as CDR, or a DataError."""
        with self._lock:
            self._waiting += 1
        return self._pool.submit(self._encode, topic, data)

    @property
    def behind(self) -> bool:
        """Whether images wait because every worker is busy."""
        return self._waiting > self.threads

    def size(self, topic: str, data: bytes) -> int:
        """About how many bytes a received message has in the bag."""
        return self._sizes.get(topic, len(data))

    def close(self) -> None:
        """End the workers after the images that wait."""
        self._pool.shutdown()

    def _encode(self, topic: str, data: bytes) -> bytes:
        try:
            encoded = encode_jpeg(data, self._quality)
        finally:
            with self._lock:
                self._waiting -= 1
        self._sizes[topic] = len(encoded)
        return encoded


def compressed_name(topic: str) -> str:
    """The topic of the compressed images beside a topic of raw ones, by the convention of image_transport."""
    return f"{topic}/compressed"
