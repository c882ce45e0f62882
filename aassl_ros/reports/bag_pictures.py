"""Sample frames of a bag: a strip of small pictures of each episode and camera, in bounded number and size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.pictures.small_jpeg import small_jpeg
from aassl_ros.data.quality.streams import camera_topics
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.data.streams.messages import frame_from_message, header_stamp_ns
from aassl_ros.errors import BagError, DataError
from aassl_ros.learning.readout.spacing import evenly_spaced

FRAMES_OF_STRIP = 6
MOST_STRIPS = 40
_WIDTH = 160
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Strip:
    """Frames of one camera in one episode, or in the whole bag.

    title: what it shows. frames: how many frames there are. stamps_ns: of the pictures, rising. pictures: JPEG files;
    None: that frame is damaged.
    """

    title: str
    frames: int
    stamps_ns: tuple[int, ...]
    pictures: tuple[bytes | None, ...]


@dataclass(frozen=True)
class BagPictures:
    """The strips of a bag.

    start_ns: when the bag begins. left_out: number of strips that are left out, to keep the page small. damage: of the
    bag, in one line; empty: none.
    """

    start_ns: int
    strips: tuple[Strip, ...]
    left_out: int
    damage: str = ""


def bag_pictures(path: Path) -> BagPictures:
    """Choose and read sample frames of a bag.

    The bag is read twice: first the stamps only, then the chosen frames. Only these are decoded.

    Args:
        path: the bag.

    Returns:
        The strips of the episodes, or of the whole bag if it has none. Of more than MOST_STRIPS, evenly spread ones.

    Raises:
        BagError: there is no bag that can be opened.
    """
    with BagReader(path) as reader:
        cameras = camera_topics(reader)
        stamps, damage = _stamps(reader, list(cameras.values()))
        everything = [
            (_title(episode, camera if len(cameras) > 1 else ""), topic, chosen)
            for episode in _episodes(reader)
            for camera, topic in cameras.items()
            if len(chosen := _inside(stamps[topic], episode))
        ]
        kept = [everything[place] for place in evenly_spaced(len(everything), MOST_STRIPS)]
        samples = [(topic, found[evenly_spaced(len(found), FRAMES_OF_STRIP)]) for _, topic, found in kept]
        pictures, damage_of_frames = _pictures(reader, samples)
        strips = tuple(
            Strip(title, len(found), tuple(map(int, times)), tuple(pictures.get((topic, int(time))) for time in times))
            for (title, topic, found), (_, times) in zip(kept, samples, strict=True)
        )
        return BagPictures(reader.start_ns, strips, len(everything) - len(kept), damage or damage_of_frames)


def _episodes(reader: BagReader) -> Sequence[Episode | None]:
    try:
        return [episode for episode in reader.episodes() if not episode.discarded] or [None]
    except BagError:
        return [None]


def _title(episode: Episode | None, camera: str) -> str:
    if episode is None:
        return f"whole bag {camera}".strip()
    return " ".join(filter(None, (episode.category or "no category", episode.instance, f"({episode.set})", camera)))


def _stamps(reader: BagReader, wanted: list[str]) -> tuple[dict[str, NDArray[np.int64]], str]:
    """The stamps of all frames of each topic, ns, rising; and what is damaged."""
    found: dict[str, list[int]] = {topic: [] for topic in wanted}
    damage = ""
    try:
        for message in reader.messages(wanted, begins=True) if wanted else ():
            try:
                found[message.topic].append(header_stamp_ns(message.data))
            except DataError:
                continue  # it is counted by the measures
    except BagError as error:
        damage = str(error)
    return {topic: np.unique(np.array(stamps, np.int64)) for topic, stamps in found.items()}, damage


def _inside(stamps: NDArray[np.int64], episode: Episode | None) -> NDArray[np.int64]:
    if episode is None:
        return stamps
    stop = len(stamps) if episode.stop_ns is None else int(np.searchsorted(stamps, episode.stop_ns))
    return stamps[int(np.searchsorted(stamps, episode.start_ns)) : stop]


def _pictures(
    reader: BagReader, samples: Sequence[tuple[str, NDArray[np.int64]]]
) -> tuple[dict[tuple[str, int], bytes], str]:
    """JPEG files by topic and stamp; and what is damaged."""
    chosen = {(topic, int(stamp)) for topic, stamps in samples for stamp in stamps}
    found: dict[tuple[str, int], bytes] = {}
    wanted = sorted({topic for topic, _ in chosen})
    try:
        for message in reader.messages(wanted, begins=True) if wanted else ():
            try:
                key = (message.topic, header_stamp_ns(message.data))
                if key in chosen and key not in found:
                    found[key] = small_jpeg(
                        frame_from_message(reader.decode(message)),
                        width=_WIDTH,
                        height=2 * _WIDTH,
                        quality=_JPEG_QUALITY,
                    )
            except DataError:
                continue  # shown as damaged
            if len(found) == len(chosen):
                break
    except BagError as error:
        return found, str(error)
    return found, ""
