"""Encodes the pictures of one camera to MP4 files, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.lerobot.layout import VIDEO, VIDEO_FILE_MB, Place
from aassl_ros.data.lerobot.optional import load
from aassl_ros.data.lerobot.statistics import PictureStats, Stats
from aassl_ros.errors import AasslError, DataError, first_line

Picture = NDArray[np.uint8]

# Messages that wait for the encoder, each at most a raw picture.
_WAITING = 16
# A picture at most this many frames after a key frame can be decoded fast, at any place of the video.
_KEY_EVERY = "10"


@dataclass(frozen=True)
class Codec:
    """An encoder of ffmpeg. format: what its files contain, as lerobot names it."""

    encoder: str
    format: str
    quality: int
    options: dict[str, str]


CODECS = {
    # zerolatency: no pictures are held back, so memory stays small. No B-frames: pictures are in order.
    "h264": Codec("libx264", "h264", 18, {"preset": "veryfast", "tune": "zerolatency"}),
    "av1": Codec("libsvtav1", "av1", 24, {"preset": "11"}),
}


@dataclass(frozen=True)
class Span:
    """Where the pictures of one episode are: the file, and the times of its first picture and of its end, s."""

    place: Place
    from_s: float
    to_s: float
    stats: Stats


class VideoFiles:
    """Writes the pictures of a camera one after the other. A new file starts with an episode, if the last is large.

    Args:
        root: folder of the dataset.
        key: the camera's feature.
        size: height and width, pixels; even numbers.
        fps: pictures per second.
        codec: the encoder.
        quality: its crf; 0 means the default of the codec.
        threads: of the encoder.
    """

    def __init__(
        self, root: Path, key: str, size: tuple[int, int], fps: int, codec: Codec, quality: int, threads: int
    ) -> None:
        self._av = load("av")
        self._root, self._key, self._size, self._fps = root, key, size, fps
        self._codec, self._quality, self._threads = codec, quality or codec.quality, threads
        self._place = Place()
        self._container: Any = None
        self._stream: Any = None
        self._written = self._bytes = self._episode_start = self._episode_rows = 0
        self._key_frame = False
        self._stats = PictureStats(1)
        self.spans: list[Span] = []

    def begin_episode(self, rows: int) -> None:
        """Begin an episode of that many pictures."""
        self._end_episode()
        if self._container is not None and self._bytes >= VIDEO_FILE_MB << 20:
            self._close_file()
            self._place = self._place.next()
        if self._container is None:
            self._open_file()
        self._episode_start, self._episode_rows, self._key_frame = self._written, 0, True
        self._stats = PictureStats(rows)

    def add(self, picture: Picture) -> None:
        """Write a picture, uint8 [H, W, 3] RGB."""
        self._stats.add(self._episode_rows, picture)
        height, width = self._size
        if picture.shape[:2] != (height, width):
            bottom, right = height - picture.shape[0], width - picture.shape[1]
            picture = np.asarray(cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
        frame = self._av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._written
        frame.time_base = Fraction(1, self._fps)
        if self._key_frame:
            frame.pict_type = self._av.video.frame.PictureType.I
            self._key_frame = False
        self._send(frame)
        self._written += 1
        self._episode_rows += 1

    def close(self) -> list[Span]:
        """Finish the last file and return where each episode is."""
        self._end_episode()
        self._close_file()
        return self.spans

    def _open_file(self) -> None:
        path = self._root / self._place.path(VIDEO, video_key=self._key)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = self._av.open(str(path), "w", options={"movflags": "+faststart"})
        options = {**self._codec.options, "crf": str(self._quality), "g": _KEY_EVERY}
        if self._codec.encoder == "libsvtav1":
            options["svtav1-params"] = f"lp={self._threads}"
        self._stream = self._container.add_stream(self._codec.encoder, rate=self._fps, options=options)
        self._stream.height, self._stream.width = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, self._fps)
        self._stream.codec_context.thread_count = self._threads
        self._written = self._bytes = 0

    def _send(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._bytes += packet.size
            self._container.mux(packet)

    def _end_episode(self) -> None:
        if self._container is not None and self._episode_rows:
            times = (self._episode_start / self._fps, self._written / self._fps)
            self.spans.append(Span(self._place, *times, self._stats.stats()))
            self._episode_rows = 0

    def _close_file(self) -> None:
        if self._container is not None:
            self._send(None)
            self._container.close()
            self._container = None


class Encoder:
    """Runs a VideoFiles in a thread. `add` waits while too much is queued, so memory is bounded.

    Work is decoded in the thread too: an item is a function that writes to the VideoFiles.
    """

    def __init__(self, files: VideoFiles) -> None:
        self._files = files
        self._queue: queue.Queue[Callable[[VideoFiles], None] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._spans: list[Span] = []
        self._thread = threading.Thread(target=self._run, name="video encoder", daemon=True)
        self._thread.start()

    def add(self, work: Callable[[VideoFiles], None]) -> None:
        """Queue work. Raises the error of earlier work."""
        self._raise()
        self._queue.put(work)

    def wait(self) -> None:
        """Wait until all queued work is done. Raises the error of this work."""
        self._queue.join()
        self._raise()

    def finish(self) -> list[Span]:
        """Do all queued work, close the file and return where each episode is. Raises DataError if encoding failed."""
        self._queue.put(None)
        self._thread.join()
        self._raise()
        return self._spans

    def abandon(self) -> None:
        """Stop without finishing the queued work."""
        self._error = self._error or DataError("stopped")
        self._queue.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if isinstance(self._error, AasslError):
            raise self._error
        if self._error is not None:
            raise DataError(f"A video cannot be written: {first_line(self._error)}.") from self._error

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._error is None:  # after an error the queue is only emptied, so that nobody waits for it
                try:
                    work(self._files)
                except BaseException as error:
                    self._error = error
            self._queue.task_done()
        try:
            self._spans = self._files.close()
        except BaseException as error:
            self._error = self._error or error
