"""Converts picture files to prepared data.

A PictureSource (a folder with frames.csv, or a published data set) lists the files of each episode. `write_pictures`
decodes them in threads and writes them in order. `fingerprint` is a hash of a source.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np

from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.data.streams.images import to_square
from aassl_ros.data.streams.squares import REDUCED, Square, jpeg_reduction, jpeg_size, turned_size
from aassl_ros.errors import DataError

_IN_FLIGHT = 8
"""Pictures submitted per thread: enough that no thread waits, few enough that an interruption takes effect at once."""
_END_BYTES = 1 << 12

T = TypeVar("T")
R = TypeVar("R")


class Picture(Protocol):
    """The bytes of a picture file: a Path, or a part of another file. str() says where it is."""

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class PictureEpisode:
    """n pictures of one object. images: one for each stamp of `states`, in order. set: as in EpisodeRow."""

    id: str
    instance: str
    category: str
    set: str
    images: Sequence[Picture]
    states: EpisodeStates


class PictureSource(Protocol):
    """Episodes of pictures. notes: lines that a user should read. continuous_joints: joints whose angle wraps."""

    @property
    def path(self) -> Path: ...
    @property
    def episodes(self) -> Sequence[PictureEpisode]: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def continuous_joints(self) -> Sequence[str]: ...


@dataclass
class PictureCounts:
    """Numbers of pictures that were read and written. sizes: how many have which height and width, pixels."""

    read: int = 0
    unreadable: int = 0
    episodes: int = 0
    frames_of_set: dict[str, int] = field(default_factory=dict)
    sizes: Counter[tuple[int, ...]] = field(default_factory=Counter)

    def add(self, other: PictureCounts) -> None:
        """Add the counts of another source."""
        self.read += other.read
        self.unreadable += other.unreadable
        self.episodes += other.episodes
        self.sizes += other.sizes
        for name, count in other.frames_of_set.items():
            self.frames_of_set[name] = self.frames_of_set.get(name, 0) + count


def write_pictures(
    source: PictureSource,
    writer: PreparedWriter,
    advance: Callable[[int], None] = lambda pictures: None,
    *,
    skip_unreadable: bool = False,
    workers: int = 0,
) -> PictureCounts:
    """Append every episode of `source` to `writer`.

    Args:
        source: the episodes.
        writer: where to write the frames and states.
        advance: called with the number of pictures read since the last call.
        skip_unreadable: skip and count a file that is not a picture, instead of raising.
        workers: number of decoding threads; 0 means one per core.

    Returns:
        The counts.

    Raises:
        DataError: a file is not a picture and `skip_unreadable` is false.
    """
    counts = PictureCounts()
    images = (image for episode in source.episodes for image in episode.images)
    with (
        _quiet_decoders(),
        in_threads(lambda image: _read_or_why(image, writer.image_size), images, workers) as results,
    ):
        for episode in source.episodes:
            kept = np.ones(len(episode.images), bool)
            for index in range(len(kept)):
                result = next(results)
                counts.read += 1
                advance(1)
                if isinstance(result, str):
                    if not skip_unreadable:
                        raise DataError(f"{result} Repair it, or skip it with --skip-unreadable true.")
                    kept[index] = False
                    continue
                writer.append_frames(result.pixels)
                counts.sizes[result.size] += 1
            counts.unreadable += int((~kept).sum())
            if not kept.any():
                continue
            key = (source.path.resolve().name, episode.id, episode.instance, episode.category, episode.set)
            writer.add_episode(*key, episode.states.take(kept))
            counts.episodes += 1
            counts.frames_of_set[episode.set] = counts.frames_of_set.get(episode.set, 0) + int(kept.sum())
    return counts


def read_picture(picture: Picture, size: int) -> Square:
    """Read the centre square of a picture file at training size, rotated by its EXIF data.

    JPEG is decoded at half, quarter or eighth size if that is enough, as the pictures of bags are.

    Args:
        picture: the file.
        size: width and height of the square, pixels.

    Returns:
        The square, RGB, and the height and width of the whole picture.

    Raises:
        DataError: OpenCV cannot read it.
    """
    original = None
    try:
        data = np.frombuffer(picture.read_bytes(), np.uint8)
        original = jpeg_size(data)
        reduction = jpeg_reduction(original, size) if original else 1
        bgr = cv2.imdecode(data, REDUCED[reduction]) if data.size else None
    except OSError as error:
        raise DataError(f"{picture} cannot be read ({error.strerror}).") from error
    except cv2.error:
        bgr = None
    if bgr is None:
        raise DataError(f"{picture} is not a picture that OpenCV can read ({data.size} bytes).")
    # BGR becomes RGB after the reduction in size, because there are fewer pixels then.
    image = np.asarray(bgr, np.uint8)
    whole = turned_size(original, image) if original else image.shape[:2]
    return Square(np.asarray(to_square(image, size)[..., ::-1]), whole)


def fingerprint(source: PictureSource, workers: int = 0) -> str:
    """A hex digest of a source, which does not depend on its path or on the order of its table.

    Of each picture file it uses the size, the start and the end. Raises DataError if a picture is missing.
    """
    digest = hashlib.sha256()
    episodes = sorted(source.episodes, key=lambda episode: episode.id)
    images = (image for episode in episodes for image in episode.images)
    digest.update(repr(tuple(source.continuous_joints)).encode())
    with in_threads(_size_and_ends, images, workers) as ends:
        for episode in episodes:
            digest.update(repr((episode.id, episode.instance, episode.category, episode.set)).encode())
            for part in fields(EpisodeStates):
                value = getattr(episode.states, part.name)
                digest.update(part.name.encode() if value is None else np.asarray(value).tobytes())
            for _ in episode.images:
                digest.update(next(ends))
    return digest.hexdigest()


@contextmanager
def in_threads(work: Callable[[T], R], items: Iterable[T], workers: int = 0) -> Iterator[Iterator[R]]:
    """Call `work` on `items` in threads. Yields an iterator over the results, in the order of `items`.

    At the end of the context, calls that have not started are cancelled.
    """
    count = workers or len(os.sched_getaffinity(0))
    executor = ThreadPoolExecutor(count, thread_name_prefix="pictures")
    remaining = iter(items)
    pending: deque[Future[R]] = deque()

    def results() -> Iterator[R]:
        for item in remaining:
            pending.append(executor.submit(work, item))
            if len(pending) >= _IN_FLIGHT * count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    try:
        yield results()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _read_or_why(picture: Picture, size: int) -> Square | str:
    try:
        return read_picture(picture, size)
    except DataError as error:
        return str(error)


def _size_and_ends(picture: Picture) -> bytes:
    if not isinstance(picture, Path):
        return hashlib.sha256(picture.read_bytes()).digest()
    try:
        with open(picture, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            ends = stream.read(_END_BYTES)
            if size > _END_BYTES:
                stream.seek(max(_END_BYTES, size - _END_BYTES))
                ends += stream.read(_END_BYTES)
    except OSError as error:
        raise DataError(f"{picture} cannot be read ({error.strerror}).") from error
    return hashlib.sha256(b"%d " % size + ends).digest()


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Silence OpenCV's messages about damaged files, because ours name the file."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
