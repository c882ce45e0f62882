"""Decodes a video file picture by picture, each with its time in the container."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.lerobot.optional import load
from aassl_ros.errors import DataError, first_line


class VideoPicture(NamedTuple):
    """A picture, uint8 [H, W, 3] RGB, and its time from the start of the video, s."""

    time_s: float
    pixels: NDArray[np.uint8]


def pictures(path: Path, from_s: float = 0.0) -> Iterator[VideoPicture]:
    """Decode a video in order of time.

    Args:
        path: of the file.
        from_s: pictures that end before this time may be left out.

    Raises:
        DataError: the file is missing, damaged or holds no video.
    """
    with _video(path) as (container, stream):
        stream.thread_type = "AUTO"
        start = stream.start_time or 0
        if from_s > 0:
            container.seek(max(0, start + int(from_s / stream.time_base) - 1), backward=True, stream=stream)
        for frame in container.decode(stream):
            time_s = _time_s(path, stream, frame.pts)
            yield VideoPicture(time_s, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def times_s(path: Path) -> list[float]:
    """The time of each picture from the start of the video, s, in order, without decoding. Raises DataError."""
    with _video(path) as (container, stream):
        return sorted(_time_s(path, stream, packet.pts) for packet in container.demux(stream) if packet.size)


@contextlib.contextmanager
def _video(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a file and its first video stream. What goes wrong, also while it is read, is a DataError."""
    av = load("av")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path} holds no video.")
            yield container, container.streams.video[0]
    except (OSError, av.error.FFmpegError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a video: {first_line(error)}.") from error


def _time_s(path: Path, stream: Any, pts: int | None) -> float:
    if pts is None:
        raise DataError(f"{path}: a picture has no time.")
    return float((pts - (stream.start_time or 0)) * stream.time_base)
