"""Picture files to prepared data: what every source of pictures yields, and the one way it is decoded and written.

A source (a folder with frames.csv, a published data set in its own layout) says which files make up which episode;
`write_pictures` decodes them in threads, in order, and `fingerprint` tells two sources apart.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.data.streams.images import to_square
from aassl_ros.errors import DataError

_IN_FLIGHT = 8
"""Pictures begun a thread: enough that none waits, few enough that an interruption is felt at once."""
_END_BYTES = 1 << 12

T = TypeVar("T")
R = TypeVar("R")


class Picture(Protocol):
    """The bytes of a picture file: a Path, or what is kept inside another file; str() says where it lies."""

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class PictureEpisode:
    """n pictures of one object: `images` one for each stamp of `states`, in order. set: as in EpisodeRow."""

    id: str
    instance: str
    category: str
    set: str
    images: Sequence[Picture]
    states: EpisodeStates


class PictureSource(Protocol):
    """Where pictures come from. notes: what a user should know; continuous_joints: those whose angle wraps."""

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
    """What became of the pictures."""

    read: int = 0
    unreadable: int = 0
    episodes: int = 0
    frames_of_set: dict[str, int] = field(default_factory=dict)

    def add(self, other: PictureCounts) -> None:
        self.read += other.read
        self.unreadable += other.unreadable
        self.episodes += other.episodes
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
    """Append every episode of `source` to `writer`. advance: called with the pictures read since the last call.

    workers: threads that decode, 0 for one a core. Raises DataError where a file is no picture; with `skip_unreadable`
    its frame is left out and counted.
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
                        raise DataError(f"{result} Mend it, or leave it out with --skip-unreadable true.")
                    kept[index] = False
                    continue
                writer.append_frames(result)
            counts.unreadable += int((~kept).sum())
            if not kept.any():
                continue
            key = (source.path.resolve().name, episode.id, episode.instance, episode.category, episode.set)
            writer.add_episode(*key, episode.states.take(kept))
            counts.episodes += 1
            counts.frames_of_set[episode.set] = counts.frames_of_set.get(episode.set, 0) + int(kept.sum())
    return counts


def read_picture(picture: Picture, size: int) -> NDArray[np.uint8]:
    """The centre square of a picture file at training size: uint8 [size, size, 3] RGB, turned as its EXIF data say.

    Raises DataError where OpenCV can read no picture from it.
    """
    try:
        data = np.frombuffer(picture.read_bytes(), np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except OSError as error:
        raise DataError(f"{picture} cannot be read ({error.strerror}).") from error
    except cv2.error:
        bgr = None
    if bgr is None:
        raise DataError(f"{picture} holds no picture that OpenCV can read ({data.size} bytes).")
    # Colours are put in order after shrinking: there are fewer pixels then.
    return np.asarray(to_square(np.asarray(bgr, np.uint8), size)[..., ::-1])


def fingerprint(source: PictureSource, workers: int = 0) -> str:
    """Hex digest of what a source holds, wherever it lies and in whatever order its table names it.

    Of each picture its size and both ends count. Raises DataError where one is not there.
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
    """The results of `work` in the order of `items`, made ahead by threads; what is not begun at the end is dropped."""
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


def _read_or_why(picture: Picture, size: int) -> NDArray[np.uint8] | str:
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
    """OpenCV writes its own lines about damaged files; ours say which file it was."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
