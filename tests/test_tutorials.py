"""Every command of the tutorials is run here as typed, only shorter, or is named with the test that runs it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import open_browser
from documented import Program, documented_commands

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.paths import share
from aassl_ros.ros.transport import set_image_transport

DOCS = Path(__file__).parent.parent / "docs"
AASSL = ("-m", "aassl_ros.cli.main")
WEBCAM = (
    "aassl live",
    "aassl live --source film.mp4",
    "aassl teach mug",
    "aassl teach box",
    "aassl gallery list",
    "aassl gallery rename box carton",
    "aassl gallery undo",
)
SIMULATION = (
    "aassl live --source simulation",
    "aassl teach mug --seconds 20 --views 30",
    "aassl teach chair --seconds 20 --views 30",
    "aassl live --source simulation objects:=train:mug_0003,train:chair_0002,train:car_0001",
    "aassl gallery list",
    "aassl gallery undo",
)
ARM = (
    "aassl dryrun my_arm.yaml",
    "aassl up collect robot:=real arm:=my_arm.yaml image_topic:=/camera/color/image_raw bag:=bags/first",
    "aassl call explorer/arm",
    "aassl episode start --instance red_mug --category mug",
    "aassl episode stop",
    "aassl call explorer/stop",
    "aassl call explorer/next",
    "aassl episode start --instance blue_mug --category mug",
    "aassl bag check bags/first",
    "aassl prepare bags -o data",
    "aassl train data -o run --adapt",
    "aassl up evaluate robot:=real checkpoint:=run seen:=data image_topic:=/camera/color/image_raw page:=true",
    "aassl teach mug",
    "aassl gallery list",
    "aassl up online robot:=real arm:=my_arm.yaml image_topic:=/camera/color/image_raw checkpoint:=run seen:=data page:=true",  # noqa: E501
)
INSTALL = {"make setup": ".github/workflows/ci.yml", "source .venv/bin/activate": "the tests run in the environment"}
# A small encoder: the machine of the tests is busy. Without a limit, a new view of a taught object always has a name.
QUICK = ("checkpoint:=pretrained:efficientnet_lite0:64", "device:=cpu", "refuse_known:=0.0", "page_port:=0")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the commands are typed, in a ROS domain of its own."""
    set_image_transport()
    with own_domain():
        yield tmp_path


def aassl(command: str, folder: Path, *more: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Run a command to its end. Returns what it printed."""
    words = [sys.executable, *AASSL, *shlex.split(command)[1:], *more]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode in statuses, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def until(condition: Callable[[], bool], what: str, timeout_s: float = 200.0) -> None:
    """Ask the browser again and again."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.1)


def start(command: str, folder: Path, *more: str) -> Program:
    return Program(*AASSL, *shlex.split(command)[1:], *more, folder=folder)


@pytest.mark.parametrize(
    ("page", "run"), [("webcam", WEBCAM), ("simulation", SIMULATION), ("arm", ARM)], ids=lambda value: str(value)[:10]
)
def test_every_command_is_run_by_a_test(page: str, run: tuple[str, ...]) -> None:
    commands = set(documented_commands(DOCS / f"tutorial_{page}.md"))
    assert commands - set(INSTALL) == set(run)


@pytest.mark.slow
def test_with_a_video_file_in_place_of_the_webcam(folder: Path) -> None:
    if not Path("/dev/video0").exists():
        live = start(WEBCAM[0], folder)
        live.process.wait(timeout=120)
        assert "there is no camera 0" in live.stop()
    writer = cv2.VideoWriter(str(folder / "film.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, (96, 96))
    for turn in np.linspace(0, np.pi, 20):
        picture = np.full((96, 96, 3), 90, np.uint8)
        cv2.line(picture, (48, 48), (int(48 + 40 * np.cos(turn)), int(48 + 40 * np.sin(turn))), (20, 200, 220), 12)
        writer.write(picture)
    writer.release()
    live = start(WEBCAM[1], folder, *QUICK)
    try:
        shown = live.wait_for(lambda line: "unknown: nothing is taught yet" in line)
        assert "done: teach mug" in aassl(WEBCAM[2], folder)
        live.wait_for(lambda line: line.startswith("mug  "), after=shown)
        assert "done: teach box" in aassl(WEBCAM[3], folder)
        assert "box" in aassl(WEBCAM[4], folder)
        assert "done: rename box" in aassl(WEBCAM[5], folder)
        assert "done: undo" in aassl(WEBCAM[6], folder)
    finally:
        said = live.stop()
    assert live.process.returncode == 0, said


@pytest.mark.slow
def test_in_simulation_both_taught_objects_are_named_when_they_come_again(folder: Path) -> None:
    live = start(SIMULATION[0], folder, *QUICK)
    try:
        place = 0
        for name, command in (("mug", SIMULATION[1]), ("chair", SIMULATION[2])):
            place = live.wait_for(lambda line, name=name: line == f"the arm holds a {name}", after=place)
            assert f"done: teach {name}" in aassl(command, folder)
        for name in ("mug", "chair"):
            place = live.wait_for(lambda line, name=name: line == f"the arm holds a {name}", after=place)
            live.wait_for(lambda line, name=name: line.startswith(f"{name}  "), after=place)
        assert "chair" in aassl(SIMULATION[4], folder)
        assert "done: undo teach" in aassl(SIMULATION[5], folder)
    finally:
        said = live.stop()
    assert live.process.returncode == 0, said
    more = start(SIMULATION[3], folder, *QUICK, "episode_seconds:=3")
    try:
        more.wait_for(lambda line: line == "the arm holds a car")
    finally:
        more.stop()


@pytest.mark.slow
def test_a_stranger_teaches_two_objects_on_the_page_and_sees_them_named_within_ten_minutes(folder: Path) -> None:
    begun_s = time.monotonic()
    live = start(SIMULATION[0], folder, *QUICK)
    browser = None
    try:
        said = live.wait_for(lambda line: line.startswith("the page: "))
        browser = open_browser(folder / "profile")
        browser.get(live.lines[said - 1].removeprefix("the page: "))
        label = "return document.querySelector('#label').textContent"
        rows = "return [...document.querySelectorAll('#categories tr')].map(row => row.cells[0].textContent)"
        place = 0
        for name in ("mug", "chair"):
            place = live.wait_for(lambda line, name=name: line == f"the arm holds a {name}", after=place)
            field = browser.find_element("css selector", "#teach-name")
            field.clear()
            field.send_keys(name)
            browser.find_element("css selector", "#teach-button").click()
            until(lambda name=name: name in browser.execute_script(rows), f"{name} in the gallery")
        for name in ("mug", "chair"):
            place = live.wait_for(lambda line, name=name: line == f"the arm holds a {name}", after=place)
            until(lambda name=name: browser.execute_script(label) == name, f"the name {name} on the page")
        assert time.monotonic() - begun_s < 600
    finally:
        if browser is not None:
            browser.quit()
        live.stop()


@pytest.mark.slow
def test_with_a_real_arm_that_here_is_the_simulator(folder: Path) -> None:
    shutil.copy(share("sim/arms/panda.yaml"), folder / "my_arm.yaml")
    # 3: it found something to tell, such as a link near the table.
    assert "velocity" in aassl(ARM[0], folder, "--seconds", "5", statuses=(0, 3))
    words = ("--ros-args", "-r", "camera/image_raw:=/camera/color/image_raw", "-p", "object:=mug_0003")
    robot = Program("-m", "aassl_ros.nodes.simulator", *words, folder=folder)
    sim_time, clock = "use_sim_time:=true", "--use-sim-time"
    try:
        collect = start(ARM[1], folder, sim_time)
        try:
            collect.wait_for(lambda line: "stays still until you call: aassl call explorer/arm" in line)
            for start_episode in (ARM[3], ARM[7], ARM[7].replace("blue", "green")):
                assert "armed" in aassl(ARM[2], folder)
                if start_episode != ARM[3]:
                    assert "exploring" in aassl(ARM[6], folder)
                aassl(start_episode, folder, clock)
                aassl(ARM[4], folder, clock)
                aassl(ARM[5], folder)
        finally:
            collect.stop()
        assert "bags/first: " in aassl(ARM[8], folder, statuses=(0, 3))
        assert "3 episodes" in aassl(ARM[9], folder, statuses=(0, 3))
        aassl(ARM[10], folder, "--updates", "2", "--batch", "8", "--image-size", "32")
        evaluate = start(ARM[11], folder, sim_time, "device:=cpu", "page_port:=0")
        try:
            evaluate.wait_for(lambda line: "answering with" in line)
            assert "done: teach mug" in aassl(ARM[12], folder)
            assert "mug" in aassl(ARM[13], folder)
        finally:
            evaluate.stop()
        online = start(ARM[14], folder, sim_time, "device:=cpu", "page_port:=0")
        try:
            online.wait_for(lambda line: "continuing from" in line)  # the trainer
            online.wait_for(lambda line: "answering with" in line)
        finally:
            online.stop()
        assert online.process.returncode == 0
    finally:
        robot.stop()
