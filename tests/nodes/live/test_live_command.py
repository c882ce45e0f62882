"""`aassl live` in its own processes: a person teaches two objects of a video from the command line."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from documented import Program
from std_msgs.msg import String

from aassl_ros.cli.main import main
from aassl_ros.data.interfaces import topics

SIZE = 160


def draw(name: str, turn: float) -> np.ndarray:
    """One of two objects, turned: a flat striped bar, or a disc with a dot."""
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    x, y = np.cos(turn), np.sin(turn)
    middle = np.array([SIZE / 2, SIZE / 2])
    if name == "bar":
        for place in range(-3, 4):
            ends = [middle + 16 * place * np.array([x, y]) + side * 20 * np.array([-y, x]) for side in (-1, 1)]
            cv2.line(picture, *[tuple(end.astype(int).tolist()) for end in ends], (30, 200, 220), 8)
    else:
        cv2.circle(picture, (SIZE // 2, SIZE // 2), 55, (200, 60, 40), -1)
        dot = middle + 30 * np.array([x, y])
        cv2.circle(picture, tuple(dot.astype(int).tolist()), 14, (240, 240, 240), -1)
    return picture


class Film:
    """A video file of one turning object. `show` replaces it; the camera reads it again when it has ended."""

    def __init__(self, folder: Path) -> None:
        self.path, self._next = folder / "film.avi", folder / "next.avi"

    def show(self, name: str) -> None:
        writer = cv2.VideoWriter(str(self._next), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (SIZE, SIZE))
        for turn in np.linspace(0, 2 * np.pi, 20, endpoint=False):
            writer.write(draw(name, turn))
        writer.release()
        os.replace(self._next, self.path)


def process_of(live: Program, node: str) -> int:
    """The process of one node of `aassl live`."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # a process that has just ended
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if parent == live.process.pid and f"aassl_ros.nodes.{node}".encode() in words:
                return int(folder.name)
    raise AssertionError(f"{node} does not run")


@pytest.fixture
def start_live(ros: Any, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """start_live("--source", file) starts `aassl live`; stopped at the end."""
    started: list[Program] = []

    def start(*words: str) -> Program:
        eye = ("--checkpoint", "pretrained:efficientnet_lite0:64", "device:=cpu", "refuse_known:=0.0", "page_port:=0")
        started.append(Program("-m", "aassl_ros.cli.main", "live", *words, *eye, folder=tmp_path))
        return started[-1]

    yield start
    for live in started:
        live.stop()


@pytest.mark.slow
def test_two_objects_of_a_video_are_taught_and_named_also_after_the_camera_was_killed(
    ros: Any, start_live: Callable[..., Program], tmp_path: Path
) -> None:
    film, answers = Film(tmp_path), []
    node = ros.node()
    node.create_subscription(String, topics.ANSWER, lambda message: answers.append(json.loads(message.data)), 10)

    def named(name: str) -> bool:
        return len(answers) >= 10 and {answer["label"] for answer in answers[-10:]} == {name}

    film.show("bar")
    live = start_live("--source", str(film.path))
    ros.wait_for(lambda: any("1. Teach:" in line for line in live.lines), what="the three steps")
    assert any("wait until the video shows the object" in line for line in live.lines)
    assert any("aassl gallery undo" in line for line in live.lines)
    address = next(line for line in live.lines if line.startswith("the page: http://127.0.0.1:"))
    with urllib.request.urlopen(address.removeprefix("the page: "), timeout=60) as page:
        assert b"<title>" in page.read()
    ros.wait_for(partial(named, "__unknown__"), what="answers before anything is taught")
    for name in ("bar", "disc"):
        film.show(name)
        ros.spin(1.5)  # the film before ends within a second
        done = ros.run("teach", name, "--seconds", "1")
        assert done.returncode == 0, done.stderr
        assert f"done: teach {name}" in done.stdout
    for name in ("bar", "disc"):
        film.show(name)
        ros.wait_for(partial(named, name), what=f"the name {name}")
        ros.wait_for(lambda: any(line.startswith(f"{name}  ") for line in live.lines), what="its line")  # noqa: B023
    assert json.loads((tmp_path / "taught" / "gallery.json").read_text())

    os.kill(process_of(live, "camera"), signal.SIGKILL)
    ros.wait_for(lambda: live.process.poll() is not None, what="the end")
    said = live.stop()
    assert live.process.returncode == 1
    assert "aassl: node camera was killed by signal 9." in said
    assert "Traceback" not in said

    answers.clear()
    again = start_live("--source", str(film.path), "--no-page")
    ros.wait_for(partial(named, "disc"), what="the taught name after a restart")
    assert "Traceback" not in again.stop()
    assert again.process.returncode == 0
    assert not any(line.startswith("the page") for line in again.lines)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("/nowhere/film.mp4", "aassl: source = '/nowhere/film.mp4' does not exist, expected the number of a camera"),
        (__file__, "aassl: TEXT is not a video that OpenCV can read. Convert it, for example to MP4 with H.264."),
        ("99", "aassl: there is no camera 99 ("),
    ],
)
def test_a_wrong_source_is_one_line_before_any_node_starts(
    source: str, line: str, start_live: Callable[..., Program]
) -> None:
    live = start_live("--source", source)
    live.process.wait(timeout=60)
    said = live.stop()
    assert live.process.returncode == (1 if source == __file__ else 2)
    assert said.startswith(line.replace("TEXT", __file__))
    assert said.count("\n") == 0


def test_a_video_without_its_option_is_told_how_to_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", "film.mp4"]) == 2
    assert "A camera or a video file: aassl live --source film.mp4" in capsys.readouterr().err
