"""Every command of the README is run here as typed, only shorter, or is named with the test that runs it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.motion.arms import load_arm
from aassl_ros.paths import share
from aassl_ros.ros.transport import set_image_transport

README = Path(__file__).parent.parent / "README.md"
# What makes a command of the README short enough for a test, or names what only a user has.
SHORTER = (
    ("--seconds 60", "--seconds 24"),
    ("--epochs 50", "--epochs 2 --width 8 --batch 64"),
    ("--adapt", "--adapt --updates 2 --batch 16"),
    ("prepare bags ", "prepare bags/first "),
    ("synth -o drawn", "synth -o drawn --categories 2 --instances 1 --test-instances 1 --episodes 1 --jobs 1"),
    ("study methods --seeds 5", "study methods --quick --seeds 1 --methods simclr --jobs 1"),
    ("up online ", "up online exit_when_done:=true objects:=online:mug_0100,test:lamp_0100 "),
)
ELSEWHERE = {
    "make demo": "tests/demo/test_demo.py",
    "make test": ".ci/run",
    "source .venv/bin/activate": "the tests run in the environment",
    "source /opt/ros/jazzy/setup.bash": ".github/workflows/ci.yml, job ros",
    "rosdep install --from-paths . --ignore-src -y": ".github/workflows/ci.yml, job ros",
    "make setup && source .venv/bin/activate": ".github/workflows/ci.yml, job ros",
    "python3 -m colcon build --packages-select aassl_ros && source install/setup.bash": "tests/packaging",
    "torchrun --nproc-per-node 2 --no-python aassl train data -o wide --batch 512": "tests/cli/test_torchrun.py",
    "ros2 launch aassl_ros collect.launch.py bag_dir:=bags": ".github/workflows/ci.yml, job ros",
}
# `aassl up` runs until it is stopped; by then it must have printed this.
SIGN = {"up collect": "Recording into", "up evaluate": "answering", "up online": "continuing from"}


def commands() -> list[str]:
    """The README's command lines, without their remarks."""
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def short(command: str) -> list[str]:
    for text, replacement in SHORTER:
        command = command.replace(text, replacement)
    assert command.startswith("aassl ")
    return [sys.executable, "-m", "aassl_ros.cli.main", *shlex.split(command)[1:]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands are typed, in a ROS domain of its own."""
    path = tmp_path_factory.mktemp("readme")
    shutil.copy(share("sim/arms/panda.yaml"), path / "my_arm.yaml")
    set_image_transport()
    with own_domain():
        yield path


def run(command: str, folder: Path) -> str:
    done = subprocess.run(short(command), cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode in (0, 3), f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def record_first(folder: Path) -> None:
    """Record the bag of the first command, unless an earlier test has done so."""
    if not (folder / "bags" / "first").exists():
        run(SIMULATION[0], folder)


def run_until(command: str, folder: Path, sign: str, more: tuple[str, ...] = ()) -> None:
    """Start a command that runs until it is stopped; stop it as Ctrl-C does once it has printed `sign`."""
    process = subprocess.Popen(
        [*short(command), *more], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if sign in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=240)
    assert process.returncode == 0, "".join([*said, rest])
    assert any(sign in line for line in said), "".join([*said, rest])


def test_every_command_is_run_by_a_test() -> None:
    own = [command for command in commands() if command.startswith("aassl ")]
    assert set(commands()) - set(own) == set(ELSEWHERE)
    assert sorted(own) == sorted([*SIMULATION, *OFFLINE, *PHOTOS, *STUDY, *LIVE, *REAL])


SIMULATION = (
    "aassl collect -o bags/first --seconds 60",
    "aassl bag info bags/first",
    "aassl up collect arm:=iiwa bag_dir:=bags",
)
OFFLINE = (
    "aassl prepare bags -o data",
    "aassl train data -o run --adapt",
    "aassl train data -o new --method aa_simclr --epochs 50 --seed 0",
    "aassl evaluate run/checkpoint data",
    "aassl export run -o backbone.onnx",
)
PHOTOS = ("aassl prepare photos -o photo_data",)
STUDY = (
    "aassl synth -o drawn",
    "aassl study methods --seeds 5 -o study --data drawn",
)
LIVE = (
    "aassl up online run_dir:=runs/live gallery:=data",
    "aassl up evaluate checkpoint:=run gallery:=data robot:=real",
)
REAL = (
    "aassl up collect robot:=real arm:=my_arm.yaml image_topic:=/camera/color/image_raw bag_dir:=bags",
    "aassl call explorer/arm",
    "aassl episode start --instance red_mug --category mug",
    "aassl episode stop",
    "aassl call explorer/stop",
)


def test_in_simulation(folder: Path) -> None:
    record_first(folder)
    assert "frames received" in run(SIMULATION[1], folder)
    run_until(SIMULATION[2], folder, SIGN["up collect"])
    assert len(list((folder / "bags").iterdir())) == 2


@pytest.mark.slow
def test_offline(folder: Path) -> None:
    record_first(folder)
    run(OFFLINE[0], folder)
    run(OFFLINE[1], folder)
    run(OFFLINE[2], folder)
    assert "random encoder" in run(OFFLINE[3], folder)
    reported = json.loads(run(f"{OFFLINE[3]} --json", folder))
    assert 0 <= reported["probe"]["accuracy"] <= 1
    assert "Checked: features of ONNX Runtime" in run(OFFLINE[4], folder)


def test_photographs(folder: Path) -> None:
    for number in range(2):
        place = folder / f"photos/mug/{number}"
        place.mkdir(parents=True, exist_ok=True)
        for view in range(3):
            assert cv2.imwrite(str(place / f"img_{view}.jpg"), np.full((80, 100, 3), 40 * view, np.uint8))
    assert "6 frames in 2 episodes of 1 picture folder (train 3, test 3)" in run(PHOTOS[0], folder)


@pytest.mark.slow
def test_a_study_of_drawn_objects(folder: Path) -> None:
    run(STUDY[0], folder)
    assert "| simclr | 1 |" in run(STUDY[1], folder)
    assert (folder / "study" / "table.json").is_file()


@pytest.mark.slow
def test_live(folder: Path) -> None:
    if not (folder / "run").exists():  # the slow tests make both
        record_first(folder)
        run(OFFLINE[0], folder)
        run("aassl train data -o run --set width=8 image_size=32 batch=16 updates=2 device=cpu", folder)
    said = run(f"{LIVE[0]} checkpoint:=run", folder)
    assert "updates" in said
    run_until(LIVE[1], folder, SIGN["up evaluate"])


@pytest.mark.slow
def test_with_a_real_arm_that_here_is_the_simulator(folder: Path) -> None:
    (folder / "bags").mkdir(exist_ok=True)
    words = ["--ros-args", "-r", "camera/image_raw:=/camera/color/image_raw", "-p", "object:=mug_0003"]
    robot = subprocess.Popen([sys.executable, "-m", "aassl_ros.nodes.simulator", *words], cwd=folder)
    before = set((folder / "bags").iterdir())
    collect = subprocess.Popen(
        [*short(REAL[0]), "use_sim_time:=true"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert collect.stdout is not None
    try:
        for line in collect.stdout:
            if "stays still until you call: aassl call explorer/arm" in line:
                break
        assert run(REAL[1], folder).strip() == "armed: the arm moves now"
        started = json.loads(run(f"{REAL[2]} --use-sim-time", folder))
        stopped = json.loads(run(f"{REAL[3]} --use-sim-time", folder))
        run(REAL[4], folder)
    finally:
        collect.send_signal(signal.SIGINT)
        said, _ = collect.communicate(timeout=240)
        robot.send_signal(signal.SIGINT)
        robot.wait(timeout=240)
    assert collect.returncode == 0, said
    assert (started["instance"], started["event"], stopped["event"]) == ("red_mug", "start", "stop")
    assert started["id"] == stopped["id"]
    (bag,) = set((folder / "bags").iterdir()) - before
    assert "red_mug" in run(f"aassl bag info {bag}", folder)


def test_the_arm_of_the_readme_can_be_loaded(folder: Path) -> None:
    assert load_arm(folder / "my_arm.yaml").name == "panda"
