"""A bag whose cameras are video files: their pictures are read as if they were messages of the bag."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagMessage, BagReader, TopicSummary
from aassl_ros.data.lerobot import video_stamps
from aassl_ros.data.lerobot.picture_messages import encode_picture
from aassl_ros.data.lerobot.video_reader import pictures
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError, ConfigError, DataError

_OFFSET = "offset="


@dataclass(frozen=True)
class Video:
    """A video of a camera. stamps: a file of stamps, a topic, or "offset=SECONDS"; empty: the file beside the video."""

    camera: str
    path: Path
    stamps: str = ""

    @classmethod
    def parse(cls, text: str) -> Video:
        """Read CAMERA=FILE or CAMERA=FILE:STAMPS. Raises ConfigError."""
        camera, equals, rest = text.partition("=")
        path, colon, stamps = rest.rpartition(":") if ":" in rest else (rest, "", "")
        if not equals or not camera.strip("/") or not path or (colon and not stamps):
            raise ConfigError(f"video is {text!r}, expected CAMERA=FILE or CAMERA=FILE:STAMPS.")
        return cls(camera.strip("/"), Path(path), stamps)

    @property
    def topic(self) -> str:
        """The topic of its pictures."""
        return f"/{self.camera}/image_raw"


def videos_beside(bag: Path) -> tuple[Video, ...]:
    """The videos in the folder of a bag that have a file of stamps of the same name: CAMERA.mp4 and CAMERA.csv."""
    folder = bag if bag.is_dir() else bag.parent
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in video_stamps.VIDEO_SUFFIXES and _beside(path) is not None:
            found.append(Video(path.stem, path))
    return tuple(found)


class VideoBagReader(BagReader):
    """A bag with videos. Their pictures are messages of sensor_msgs/Image on /CAMERA/image_raw.

    Args:
        bag: as for BagReader.
        videos: the videos.

    Raises:
        BagError: the bag cannot be read, or has the topic of a video already.
        DataError: a video cannot be read, or has another number of pictures than stamps.
    """

    def __init__(self, bag: Path | str | Sequence[Path], videos: Sequence[Video]) -> None:
        super().__init__(bag)
        self._videos: dict[str, Video] = {}
        self._stamps: dict[str, NDArray[np.int64]] = {}
        try:
            for video in videos:
                self._add(video)
        except BaseException:
            self.close()
            raise
        self._receipts = _receipts(self)

    @property
    def session(self) -> Session | None:
        """The session that the recorder wrote, with the cameras of the videos."""
        session = super().session
        if session is None:
            return None
        cameras = session.roles.cameras | {video.camera: topic for topic, video in self._videos.items()}
        return replace(session, roles=replace(session.roles, cameras=cameras))

    def messages(
        self, wanted: Collection[str] = (), *, verify: bool = False, begins: bool = False
    ) -> Iterator[BagMessage]:
        """Read messages in order of receipt; pictures of videos come at their stamp."""
        names = list(wanted or self.topics)
        held = [name for name in names if name not in self._videos]
        parts = [self._pictures(name) for name in names if name in self._videos]
        if held:
            parts.append(super().messages(held, verify=verify, begins=begins))
        return heapq.merge(*parts, key=lambda message: message.log_ns)

    def _add(self, video: Video) -> None:
        if video.topic in self.topics:
            raise BagError(f"{self.path} holds {video.topic} already. Give the video of {video.path} another name.")
        stamps, source = self._stamps_of(video)
        video_stamps.check(video.path, stamps, source)
        self._videos[video.topic], self._stamps[video.topic] = video, stamps
        self.topics[video.topic] = TopicSummary(messages.IMAGE, len(stamps))

    def _stamps_of(self, video: Video) -> tuple[NDArray[np.int64], str]:
        """The stamps of a video, and what they are from."""
        if video.stamps.startswith(_OFFSET):
            with suppress(ValueError):
                offset_s = float(video.stamps.removeprefix(_OFFSET))
                return video_stamps.from_container(video.path, offset_s), str(video.path)
            raise ConfigError(f"the stamps of {video.camera} are {video.stamps!r}, expected {_OFFSET}SECONDS.")
        if video.stamps in self.topics:
            found = [messages.header_stamp_ns(message.data) for message in super().messages([video.stamps])]
            return np.array(found, np.int64), video.stamps
        beside = Path(video.stamps) if video.stamps else _beside(video.path)
        if beside is None:
            names = ", ".join(video.path.with_suffix(suffix).name for suffix in video_stamps.SUFFIXES)
            raise DataError(f"{video.path} has no stamps: there is none of {names}. Give them as CAMERA=FILE:STAMPS.")
        return video_stamps.from_file(beside), str(beside)

    def _pictures(self, topic: str) -> Iterator[BagMessage]:
        video, stamps = self._videos[topic], self._stamps[topic]
        count = 0
        for stamp, picture in zip(map(int, stamps), pictures(video.path), strict=False):
            data = encode_picture(stamp, f"{video.camera}_optical_frame", picture.pixels, "raw")
            yield BagMessage(topic, messages.IMAGE, self._receipts.receipt_of(stamp), stamp, data)
            count += 1
        if count != len(stamps):
            raise BagError(f"{video.path} ends after {count} of {len(stamps)} pictures.")


class _Receipts:
    """Converts stamps to the clock of the receipts."""

    def __init__(self, offset_ns: int) -> None:
        self._offset_ns = offset_ns

    def receipt_of(self, stamp_ns: int) -> int:
        return max(0, stamp_ns + self._offset_ns)


def _receipts(reader: BagReader) -> _Receipts:
    """How receipts relate to stamps, by the first joint state that has a stamp."""
    kinds = [name for name, topic in reader.topics.items() if topic.type == messages.JOINT_STATE]
    for message in BagReader.messages(reader, kinds) if kinds else ():
        stamp_ns = messages.header_stamp_ns(message.data)
        if stamp_ns:
            clock = ReceiptClock()
            clock.take(stamp_ns, message.log_ns)
            return _Receipts(message.log_ns - stamp_ns if clock.differs else 0)
    return _Receipts(0)


def _beside(video: Path) -> Path | None:
    return next((path for suffix in video_stamps.SUFFIXES if (path := video.with_suffix(suffix)).is_file()), None)


def open_bag(bag: Path | Sequence[Path], videos: Sequence[str] = ()) -> BagReader:
    """Open a bag with the videos that the user names, else with those beside it.

    Args:
        bag: as for BagReader.
        videos: as CAMERA=FILE or CAMERA=FILE:STAMPS.
    """
    found = _find(bag if isinstance(bag, Path) else bag[0], videos)
    return VideoBagReader(bag, found) if found else BagReader(bag)


def video_files(bag: Path, videos: Sequence[str] = ()) -> list[Path]:
    """The files of the videos and of their stamps, for a fingerprint. Raises DataError if a video is missing."""
    files = []
    for video in _find(bag, videos):
        if not video.path.is_file():
            raise DataError(f"There is no video {video.path} of camera {video.camera}.")
        beside = Path(video.stamps) if video.stamps else _beside(video.path)
        files += [video.path, *([beside] if beside is not None and beside.is_file() else [])]
    return files


def one_bag_only(count: int, videos: Sequence[str]) -> None:
    """Raise ConfigError if videos are named for several bags."""
    if videos and count != 1:
        raise ConfigError(f"video names videos of one bag, found {count} bags: give one bag.")


def _find(bag: Path, videos: Sequence[str]) -> tuple[Video, ...]:
    if videos:
        return tuple(Video.parse(text) for text in videos)
    return videos_beside(bag) if bag.exists() else ()
