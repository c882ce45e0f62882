"""Frames of a camera or of a video file through OpenCV, in a thread that opens a lost camera again."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import ConfigError, DataError, first_line
from aassl_ros.settings import setting

# Seconds until a camera that gives no frame is given up, and until it is tried again. OpenCV waits 10 s otherwise.
_SILENT_S = 2
_RETRY_S = 1.0
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(_SILENT_S))
# FFmpeg would print its own lines about a damaged file; -8 is its AV_LOG_QUIET.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# A file whose rate is unknown, and the range of rates that are believed.
_USUAL_HZ, _HIGHEST_HZ = 30.0, 1000.0
# A file that is played late by more than this goes on from there, without catching up.
_LARGEST_LAG_S = 0.5

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoSettings:
    """What to read, and how."""

    source: str = setting("0", "The camera, as a number (0) or a device (/dev/video0), or a video file")
    loop: bool = setting(True, "Play a video file again when it has ended")
    rate_hz: float = setting(
        0.0, "Frames per second to play a file at, or to ask a camera for; 0: its own", minimum=0.0, maximum=_HIGHEST_HZ
    )
    width: int = setting(0, "Width to ask a camera for, pixels; 0: its own", minimum=0, maximum=16384)
    height: int = setting(0, "Height to ask a camera for, pixels; 0: its own", minimum=0, maximum=16384)


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used."""

    def read(self) -> Any: ...
    def get(self, property: int) -> float: ...
    def release(self) -> None: ...


@dataclass(frozen=True)
class SourceState:
    """How the source is.

    line: for people. running: frames come. lost: none come, and it is opened again and again. Neither: it is being
    opened, or the file was played once.
    """

    line: str
    running: bool = False
    lost: bool = False


def camera_number(source: str) -> int | None:
    """The number of the camera that a source names; None if it is a file."""
    text = source.removeprefix("/dev/video")
    return int(text) if text.isdecimal() and text.isascii() else None


def check_source(source: str, *, now: bool = False) -> None:
    """Check that a video file can be read. A camera may be plugged in later, unless it is needed `now`.

    Raises:
        ConfigError: the file or the camera does not exist.
        DataError: OpenCV cannot read the file.
    """
    number = camera_number(source)
    if number is not None:
        # Without this, OpenCV would print warnings.
        if now and sys.platform == "linux" and not Path(f"/dev/video{number}").exists():
            raise ConfigError(f"there is no camera {source} ({_cameras()}). Connect one, or give a video file.")
        return
    path = Path(source).expanduser()
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(
            f"source = {source!r} {kind}, expected the number of a camera ({_cameras()}) or a video file."
        )
    _first_frame(path)


class VideoSource:
    """Reads frames in a thread.

    Args:
        settings: what to read.
        on_frame: called in that thread with each frame, uint8 [H, W, 3] BGR.
        open_capture: opens the source. It raises AasslError if it cannot.

    Attributes:
        frames: number of frames so far. size: width and height of the last one, pixels. losses: how often frames have
        stopped coming.
    """

    def __init__(
        self,
        settings: VideoSettings,
        on_frame: Callable[[Frame], None],
        open_capture: Callable[[VideoSettings], Capture] | None = None,
    ) -> None:
        self._settings, self._on_frame = settings, on_frame
        self._open = open_video if open_capture is None else open_capture
        self._is_file = camera_number(settings.source) is None
        self.frames = self.losses = 0
        self.size = (0, 0)
        self.state = SourceState(f"opening {settings.source}")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="video source", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading. A camera that is silent may take two seconds."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            problem, played = "", 0
            try:
                played = self._play(self._open(self._settings))
            except Exception as error:  # a thread that died silently would look like a camera without frames
                problem = first_line(error)
            if self._stopping.is_set():
                return
            if self._is_file and played and not problem:
                if self._settings.loop:
                    continue
                self.state = SourceState(f"{self._settings.source} has ended after {played} frames")
                return
            self._lose(problem or f"{self._settings.source} gives no frames any more")
            self._stopping.wait(_RETRY_S)

    def _play(self, capture: Capture) -> int:
        """Pass on frames until none comes. Returns their number."""
        try:
            period_s = 1.0 / self._rate_hz(capture) if self._is_file else 0.0
            begun_s, played = time.monotonic(), 0
            while not self._stopping.is_set():
                lag_s = time.monotonic() - begun_s - played * period_s
                if self._is_file and lag_s < 0.0 and self._stopping.wait(-lag_s):
                    break
                if lag_s > _LARGEST_LAG_S:
                    begun_s += lag_s
                found, frame = capture.read()
                if not found:
                    break
                self.size = (frame.shape[1], frame.shape[0])
                self._on_frame(frame)
                self.frames += 1
                played += 1
                if not self.state.running:
                    self.state = SourceState(f"reading {self._settings.source}", running=True)
            return played
        finally:
            capture.release()

    def _rate_hz(self, capture: Capture) -> float:
        own_hz = capture.get(cv2.CAP_PROP_FPS)
        rate_hz = self._settings.rate_hz or own_hz
        return rate_hz if 0.0 < rate_hz <= _HIGHEST_HZ else _USUAL_HZ

    def _lose(self, line: str) -> None:
        self.losses += self.state.running
        self.state = SourceState(f"{line.rstrip('.')}; trying again every {_RETRY_S:g} s", lost=True)


def open_video(settings: VideoSettings) -> Capture:
    """Open a camera or a video file. Raises ConfigError or DataError if it cannot be opened."""
    number = camera_number(settings.source)
    check_source(settings.source, now=True)
    if number is None:
        return cv2.VideoCapture(str(Path(settings.source).expanduser()))
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        capture.release()
        raise DataError(
            f"camera {settings.source} cannot be opened. Another program may use it, or you may not read it"
        )
    wanted = (
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
        (cv2.CAP_PROP_FPS, settings.rate_hz),
    )
    for name, value in wanted:
        if value:
            capture.set(name, value)
    return capture


def _first_frame(path: Path) -> None:
    capture = cv2.VideoCapture(str(path))
    try:
        found = capture.isOpened() and capture.read()[0]
    finally:
        capture.release()
    if not found:
        raise DataError(f"{path} is not a video that OpenCV can read. Convert it, for example to MP4 with H.264.")


def _cameras() -> str:
    found = sorted(Path("/dev").glob("video*"))
    return f"found: {', '.join(map(str, found))}" if found else "no camera is connected"
