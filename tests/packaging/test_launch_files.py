"""The launch files: their structure everywhere, and `ros2 launch` itself where there is one (a ROS installation)."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import SYSTEMS, complete, node_specs
from aassl_ros.settings import describe

CHECKOUT = Path(__file__).resolve().parents[2]
LAUNCH_FILES = sorted((CHECKOUT / "launch").glob("*.launch.py"))
# Every node has these: of rclpy, and of ros/base.py.
COMMON_PARAMETERS = {"use_sim_time", "autostart"}


def name_of(path: Path) -> str:
    return path.name.removesuffix(".launch.py")


def every_node() -> list[str]:
    return sorted({node for system in SYSTEMS.values() for node in system.nodes})


def declared_parameters(node: str) -> set[str]:
    """The parameters of a node, by the settings classes that its module declares them from."""
    source = (CHECKOUT / f"aassl_ros/nodes/{node}.py").read_text(encoding="utf-8")
    calls = [call for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call)]
    # declare_settings(self, SETTINGS) of a plain node, self.declare(SETTINGS) of a lifecycle node.
    declared = [call for call in calls if ast.unparse(call.func) in ("declare_settings", "self.declare")]
    module = importlib.import_module(f"aassl_ros.nodes.{node}")
    names = {arg.id for call in declared for arg in call.args if isinstance(arg, ast.Name)} - {"self"}
    classes = [getattr(module, name) for name in sorted(names)]
    assert classes, f"{node} declares no settings"
    return COMMON_PARAMETERS | {info.name for cls in classes for info in describe(cls)}


def test_every_system_has_a_launch_file_and_every_launch_file_a_system() -> None:
    assert sorted(map(name_of, LAUNCH_FILES)) == sorted(SYSTEMS)


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=name_of)
def test_a_launch_file_describes_the_system_it_is_named_after(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {part.name: part for part in tree.body if isinstance(part, ast.FunctionDef)}
    calls = [call for call in ast.walk(functions["generate_launch_description"]) if isinstance(call, ast.Call)]
    described = [
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "launch_description"
    ]
    assert described == [name_of(path)]


@pytest.mark.parametrize("node", every_node())
def test_every_node_has_an_executable_and_a_parameter_file(node: str) -> None:
    assert os.access(CHECKOUT / "scripts/executables" / node, os.X_OK)
    assert (CHECKOUT / "config" / f"{node}.yaml").is_file()


@pytest.mark.parametrize("node", every_node())
def test_a_parameter_file_sets_only_what_the_node_declares(node: str) -> None:
    content = yaml.safe_load((CHECKOUT / "config" / f"{node}.yaml").read_text(encoding="utf-8"))
    assert list(content) == [f"/**/{node}"]
    assert set(content[f"/**/{node}"]["ros__parameters"]) <= declared_parameters(node)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_sets_only_parameters_that_its_nodes_declare(name: str) -> None:
    texts = {
        "episode_seconds": "2.5",
        "exit_when_done": "true",
        "armed": "true",
        "seed": "1",
        "jpeg_quality": "90",
        "camera_loop": "true",
        "repeat": "true",
        "publish_weights": "true",
    }
    texts |= {"refuse_known": "0.1", "page_port": "0"}
    # Every argument that may be empty is given, so that each reaches its node's parameter.
    given = {
        key: texts.get(key, "word") for key, value in complete(name, {}).items() if value == "" and key != "config"
    }
    for spec in node_specs(name, given):
        assert set(spec.parameters) <= declared_parameters(spec.name), spec.name


needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_ros") is None or shutil.which("ros2") is None,
    reason="launch comes with a ROS installation only; a container job of the GitHub workflow runs this",
)


@contextmanager
def ros2_launch(installation: Any, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`ros2 launch aassl_ros ...` in its own ROS domain, with all output on stdout."""
    command = f"{installation.setup} exec ros2 launch aassl_ros {shlex.join(words)}"
    prefixes = [str(installation.prefix), os.environ.get("AMENT_PREFIX_PATH", "")]
    with own_domain():
        environment = {**os.environ, "PATH": f"{installation.path}{os.pathsep}{os.environ['PATH']}"}
        environment["AMENT_PREFIX_PATH"] = os.pathsep.join(prefixes)
        launch = subprocess.Popen(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield launch
        finally:
            with suppress(ProcessLookupError):
                os.killpg(launch.pid, signal.SIGKILL)
            launch.communicate()


def wait_for_line(launch: subprocess.Popen[str], text: str) -> str:
    """The next line of its output that holds the text."""
    assert launch.stdout is not None
    said = []
    for line in launch.stdout:
        said.append(line)
        if text in line:
            return line
    raise AssertionError(f"{text!r} was never said:\n{''.join(said)}")


@pytest.mark.slow
@needs_launch
def test_ros2_launch_collect_records_a_bag(installation: Any, tmp_path: Path) -> None:
    from aassl_ros.data.bags.reader import BagReader

    bag = tmp_path / "bag"
    with ros2_launch(installation, tmp_path, "collect.launch.py", f"bag:={bag}") as launch:
        wait_for_line(launch, "Recording into")
        # A stretch of recording is what is wanted here; nothing announces its end.
        time.sleep(5)
        launch.send_signal(signal.SIGINT)
        said, _ = launch.communicate(timeout=120)
        assert launch.returncode == 0, said
    with BagReader(bag) as reader:
        assert reader.topics["/camera/image_raw"][1] > 30


@pytest.mark.slow
@needs_launch
def test_ros2_launch_fails_before_it_starts_a_node_that_cannot_run(installation: Any, tmp_path: Path) -> None:
    with ros2_launch(installation, tmp_path, "collect.launch.py", "arm:=triceps") as launch:
        said, _ = launch.communicate(timeout=120)
    assert launch.returncode == 1
    assert "arm 'triceps' is unknown" in said
    assert "process started" not in said


@pytest.mark.slow
@needs_launch
def test_ros2_launch_fails_if_a_node_is_killed(installation: Any, tmp_path: Path) -> None:
    with ros2_launch(installation, tmp_path, "collect.launch.py", f"bag:={tmp_path / 'bag'}") as launch:
        started = wait_for_line(launch, "[simulator-1]: process started with pid")
        wait_for_line(launch, "Recording into")
        os.kill(int(started.split("[")[-1].rstrip("]\n")), signal.SIGKILL)
        said, _ = launch.communicate(timeout=90)
    assert launch.returncode == 1
    assert "node simulator was killed by signal 9." in said
    assert (tmp_path / "bag" / "metadata.yaml").exists()  # the recorder was stopped, not killed


@pytest.mark.slow
@needs_launch
def test_ros2_launch_fails_if_the_explorer_gives_up(installation: Any, tmp_path: Path) -> None:
    (tmp_path / "explorer.yaml").write_text("/**/explorer:\n  ros__parameters:\n    patience_s: 1.0\n")
    words = ("collect.launch.py", "robot:=real", f"config:={tmp_path}", f"bag:={tmp_path / 'bag'}")
    with ros2_launch(installation, tmp_path, *words) as launch:
        said, _ = launch.communicate(timeout=90)
    assert launch.returncode == 1
    assert "gave up after" in said
    assert "node explorer exited with status 1." in said
