"""The stamps of a camera's frames in a bag, and ranges of frames by number, seconds or stamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.clock_jump import JUMP_BACK_NS
from aassl_ros.errors import BagError, DataError

UNITS = ("frames", "seconds", "stamps")
_IMAGES = (messages.IMAGE, messages.COMPRESSED_IMAGE)


@dataclass(frozen=True)
class FrameTimes:
    """The frames of one camera.

    topic: the image topic. stamps_ns: int64 [N], increasing, N > 0.
    """

    topic: str
    stamps_ns: NDArray[np.int64]

    @classmethod
    def read(cls, reader: BagReader, camera: str = "") -> FrameTimes:
        """Read the stamps of a camera.

        Args:
            reader: the open bag.
            camera: name or topic of the camera; empty: the only one.

        Raises:
            BagError: there is no such camera or several, it has no frames with stamps, or its clock was set back.
        """
        topic = _find_topic(reader, camera)
        found = []
        for message in reader.messages([topic]):
            try:
                found.append(messages.header_stamp_ns(message.data))
            except DataError:
                continue  # it cannot be in an episode
        stamps = np.array(found, np.int64)
        stamps = stamps[stamps > 0]
        if not len(stamps):
            raise BagError(f"{reader.path} holds no frames with stamps on {topic}: there is nothing to label.")
        if np.any(stamps < np.maximum.accumulate(stamps) - JUMP_BACK_NS):
            raise BagError(
                f"{reader.path}: the stamps of {topic} go back, because its clock was set back. A range would not be "
                "clear, so the bag cannot be labelled."
            )
        return cls(topic, np.unique(stamps))

    @property
    def end_ns(self) -> int:
        """The first stamp after the last frame."""
        return int(self.stamps_ns[-1]) + 1

    @property
    def seconds(self) -> float:
        """Time from the first to the last frame, s."""
        return float(self.stamps_ns[-1] - self.stamps_ns[0]) / 1e9

    def count(self, start_ns: int, stop_ns: int) -> int:
        """The number of frames with start_ns <= stamp < stop_ns."""
        first, end = np.searchsorted(self.stamps_ns, [start_ns, stop_ns])
        return int(end - first)

    def seconds_of(self, stamp_ns: int) -> float:
        """The time of a stamp after the first frame, s."""
        return (stamp_ns - int(self.stamps_ns[0])) / 1e9

    def stamp_of(self, text: str, unit: str) -> int:
        """The stamp of a place.

        Args:
            text: a frame's number from 0 (N: the end), seconds after the first frame, or a stamp in ns.
            unit: one of UNITS.

        Raises:
            BagError: it is not a number, or outside the bag.
        """
        try:
            value = float(text) if unit == "seconds" else int(text)
            if not np.isfinite(value):
                raise ValueError
        except ValueError as error:
            kind = "a number of seconds" if unit == "seconds" else "an integer"
            raise BagError(f"{text.strip()!r} is not {kind}.") from error
        if unit == "frames":
            if not 0 <= value <= len(self.stamps_ns):
                raise BagError(f"frame {text} is outside the bag, which holds frames 0 to {len(self.stamps_ns) - 1}.")
            return self.end_ns if value == len(self.stamps_ns) else int(self.stamps_ns[int(value)])
        first, last = int(self.stamps_ns[0]), int(self.stamps_ns[-1])
        stamp = first + round(value * 1e9) if unit == "seconds" else int(value)
        if not first <= stamp <= last + self._period_ns:
            holds = f"0 to {self.seconds:.3f} s" if unit == "seconds" else f"the stamps {first} to {last}"
            raise BagError(f"{text} is outside the bag, which holds {holds}.")
        return min(stamp, self.end_ns)

    def span(self, text: str, unit: str) -> tuple[int, int]:
        """The start and stop stamp of a range START:STOP, without STOP; an empty side means that end of the bag.

        Args:
            text: the range.
            unit: one of UNITS.

        Raises:
            BagError: the range is wrong, outside the bag, or holds no frame.
        """
        start, colon, stop = text.partition(":")
        if not colon or ":" in stop:
            raise BagError(f"The range {text!r} is not START:STOP.")
        try:
            start_ns = self.stamp_of(start, unit) if start.strip() else int(self.stamps_ns[0])
            stop_ns = self.stamp_of(stop, unit) if stop.strip() else self.end_ns
        except BagError as error:
            raise BagError(f"The range {text} of {unit}: {error}") from error
        if self.count(start_ns, stop_ns) == 0:
            raise BagError(f"The range {text} of {unit} holds no frame.")
        return start_ns, stop_ns

    @property
    def _period_ns(self) -> int:
        """One period beyond the last frame still counts as the end of the bag, because people round up."""
        return int(np.median(np.diff(self.stamps_ns))) if len(self.stamps_ns) > 1 else 0


def _find_topic(reader: BagReader, camera: str) -> str:
    session = reader.session
    cameras = session.roles.cameras if session else {}
    if not cameras:
        cameras = {name: name for name, topic in reader.topics.items() if topic.type in _IMAGES}
    if camera:
        topic = cameras.get(camera, camera)
        if topic not in reader.topics or reader.topics[topic].type not in _IMAGES:
            raise BagError(f"{reader.path} holds no camera {camera} (found: {', '.join(cameras) or 'none'}).")
        return topic
    if len(cameras) != 1:
        found = f"holds cameras {', '.join(cameras)}. Choose one with --camera" if cameras else "holds no camera frames"
        raise BagError(f"{reader.path} {found}.")
    (topic,) = cameras.values()
    if topic not in reader.topics:
        raise BagError(f"{reader.path} holds no frames on {topic}.")
    return topic
