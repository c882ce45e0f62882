"""Frames of a webcam and of video files, in a thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aassl_ros.data.streams.video_source import (
    VideoSettings,
    VideoSource,
    camera_number,
    check_source,
    open_video,
)
from aassl_ros.errors import ConfigError, DataError

WIDTH, HEIGHT = 64, 48


def write_video(path: Path, grays: list[int], rate_hz: float = 50.0) -> Path:
    """A video whose frames have one gray each."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate_hz, (WIDTH, HEIGHT))
    for gray in grays:
        writer.write(np.full((HEIGHT, WIDTH, 3), gray, np.uint8))
    writer.release()
    return path


class Seen:
    """The grays that a source shows, with the time of each."""

    def __init__(self) -> None:
        self.grays: list[int] = []
        self.times_s: list[float] = []
        self._changed = threading.Condition()

    def __call__(self, frame: np.ndarray) -> None:
        with self._changed:
            self.grays.append(int(frame.mean().round()))
            self.times_s.append(time.monotonic())
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 30), self.grays


@contextmanager
def running(settings: VideoSettings, seen: Any, open_capture: Any = None) -> Iterator[VideoSource]:
    source = VideoSource(settings, seen, open_capture)
    source.start()
    try:
        yield source
    finally:
        source.stop()


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_file_is_played_again_when_it_has_ended_and_may_have_changed_by_then(tmp_path: Path) -> None:
    seen, path = Seen(), write_video(tmp_path / "shown.avi", [40, 80, 120])
    with running(VideoSettings(source=str(path)), seen) as source:
        seen.wait(lambda: len(seen.grays) >= 7)
        assert seen.grays[:6] == [pytest.approx(gray, abs=3) for gray in (40, 80, 120, 40, 80, 120)]
        assert source.state.running
        assert source.size == (WIDTH, HEIGHT)
        os.replace(write_video(tmp_path / "next.avi", [200]), path)
        seen.wait(lambda: seen.grays[-1] > 190)
    count = len(seen.grays)
    assert source.frames == count


def test_a_file_that_is_not_repeated_ends_with_one_line(tmp_path: Path) -> None:
    seen, path = Seen(), write_video(tmp_path / "once.avi", [40, 80, 120])
    with running(VideoSettings(source=str(path), loop=False), seen) as source:
        until(lambda: source.state.line.endswith("has ended after 3 frames"))
        assert not source.state.running
        assert not source.state.lost
    assert len(seen.grays) == 3


@pytest.mark.parametrize(("asked_hz", "expected_hz"), [(0.0, 25.0), (100.0, 100.0)])
def test_a_file_is_played_at_its_own_rate_or_the_one_asked_for(
    tmp_path: Path, asked_hz: float, expected_hz: float
) -> None:
    seen, path = Seen(), write_video(tmp_path / "video.avi", [100] * 50, rate_hz=25.0)
    with running(VideoSettings(source=str(path), loop=False, rate_hz=asked_hz), seen) as source:
        until(lambda: "ended" in source.state.line)
    # On a busy machine frames come later, never earlier.
    assert seen.times_s[-1] - seen.times_s[0] > 0.95 * 49 / expected_hz


def test_a_file_that_is_removed_is_missed_and_played_again_when_it_is_back(tmp_path: Path) -> None:
    seen, path = Seen(), write_video(tmp_path / "shown.avi", [40, 80, 120])
    with running(VideoSettings(source=str(path)), seen) as source:
        seen.wait(lambda: len(seen.grays) >= 3)
        path.rename(tmp_path / "away.avi")
        until(lambda: source.state.lost)
        assert f"source = '{path}' does not exist" in source.state.line
        assert source.losses == 1
        count = len(seen.grays)
        (tmp_path / "away.avi").rename(path)
        seen.wait(lambda: len(seen.grays) > count)
        until(lambda: source.state.running)


class Webcam:
    """A camera that gives some frames and is then unplugged."""

    def __init__(self, frames: int) -> None:
        self.left, self.released = frames, False

    def read(self) -> tuple[bool, np.ndarray]:
        self.left -= 1
        return self.left >= 0, np.full((HEIGHT, WIDTH, 3), 50, np.uint8)

    def get(self, property: int) -> float:
        return 30.0

    def release(self) -> None:
        self.released = True


def test_a_camera_that_is_unplugged_is_opened_again_when_it_is_back() -> None:
    first, back = Webcam(3), threading.Event()
    captures, tried = iter([first, Webcam(4)]), []

    def open_capture(settings: VideoSettings) -> Webcam:
        tried.append(settings.source)
        if len(tried) > 1 and not back.is_set():
            raise DataError("there is no camera 0")
        return next(captures)

    seen = Seen()
    with running(VideoSettings(source="0"), seen, open_capture) as source:
        seen.wait(lambda: len(seen.grays) == 3)
        until(lambda: source.state.lost and len(tried) > 1)
        assert first.released
        assert source.losses == 1
        assert source.state.line == "there is no camera 0; trying again every 1 s"
        back.set()
        seen.wait(lambda: len(seen.grays) == 7)
        until(lambda: source.losses == 2)


def test_an_error_while_a_frame_is_published_is_told_and_does_not_end_the_thread(tmp_path: Path) -> None:
    seen, failures = Seen(), iter([ValueError("no publisher")])

    def fragile(frame: np.ndarray) -> None:
        for failure in failures:
            raise failure
        seen(frame)

    path = write_video(tmp_path / "video.avi", [60])
    with running(VideoSettings(source=str(path)), fragile) as source:
        until(lambda: source.state.line.startswith("no publisher"))
        seen.wait(lambda: bool(seen.grays))


@pytest.mark.parametrize(
    ("source", "number"),
    [("0", 0), ("12", 12), ("/dev/video3", 3), ("film.mp4", None), ("/dev/video", None), ("", None)],
)
def test_a_source_is_a_camera_or_a_file(source: str, number: int | None) -> None:
    assert camera_number(source) == number


def test_a_wrong_file_and_an_absent_camera_are_named_with_what_was_expected(tmp_path: Path, capfd: Any) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(ConfigError, match=r"source = .*absent.mp4' does not exist, expected the number of a camera"):
        check_source(str(tmp_path / "absent.mp4"))
    with pytest.raises(ConfigError, match="is a folder, expected"):
        check_source(str(tmp_path))
    with pytest.raises(DataError, match=r"text.mp4 is not a video that OpenCV can read"):
        check_source(str(text))
    check_source("99")  # it may be plugged in later
    with pytest.raises(ConfigError, match="there is no camera 99"):
        open_video(VideoSettings(source="99"))
    assert capfd.readouterr() == ("", "")
