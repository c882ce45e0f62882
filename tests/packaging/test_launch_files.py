"""The launch files: their structure everywhere, and `ros2 launch` itself where there is one (a ROS installation)."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from aassl_ros.settings import describe
from aassl_ros.system import SYSTEMS, complete, nodes

CHECKOUT = Path(__file__).resolve().parents[2]
LAUNCH_FILES = sorted((CHECKOUT / "launch").glob("*.launch.py"))
# Every node has these: of rclpy, and of nodes/base.py.
COMMON_PARAMETERS = {"use_sim_time", "autostart"}


def name_of(path: Path) -> str:
    return path.name.removesuffix(".launch.py")


def every_node() -> list[str]:
    return sorted({node for system in SYSTEMS.values() for node in system.nodes})


def declared_parameters(node: str) -> set[str]:
    """The parameters of a node, by the settings classes that its module declares them from."""
    source = (CHECKOUT / f"aassl_ros/nodes/{node}.py").read_text(encoding="utf-8")
    calls = [call for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call)]
    declared = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "declare_settings"]
    module = importlib.import_module(f"aassl_ros.nodes.{node}")
    classes = [getattr(module, call.args[1].id) for call in declared if isinstance(call.args[1], ast.Name)]
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
    texts = {"episode_seconds": "2.5", "exit_when_done": "true", "seed": "1"}
    # Every argument that may be empty is given, so that each reaches its node's parameter.
    given = {
        key: texts.get(key, "word") for key, value in complete(name, {}).items() if value == "" and key != "config"
    }
    for spec in nodes(name, given):
        assert set(spec.parameters) <= declared_parameters(spec.name), spec.name


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("launch_ros") is None or shutil.which("ros2") is None,
    reason="launch comes with a ROS installation only; a container job of the GitHub workflow runs this",
)
def test_ros2_launch_collect_records_a_bag(installation, tmp_path: Path) -> None:
    from aassl_ros.data.bag_reader import BagReader

    bag = tmp_path / "bag"
    command = f"{installation.setup} exec ros2 launch aassl_ros collect.launch.py bag:={bag}"
    environment = {**os.environ, "PATH": f"{installation.path}{os.pathsep}{os.environ['PATH']}"}
    prefixes = [str(installation.prefix), environment.get("AMENT_PREFIX_PATH", "")]
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join(prefixes)
    launch = subprocess.Popen(["sh", "-c", command], cwd=tmp_path, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not list(tmp_path.rglob("*.mcap")) and time.monotonic() < until:
            assert launch.poll() is None, f"ros2 launch ended with status {launch.returncode}"
            time.sleep(0.2)
        # A stretch of recording is what is wanted here; nothing announces its end.
        time.sleep(5)
        launch.send_signal(signal.SIGINT)
        launch.wait(60)
    finally:
        if launch.poll() is None:
            os.killpg(launch.pid, signal.SIGKILL)
            launch.wait()
    with BagReader(bag) as reader:
        assert reader.topics["/camera/image_raw"][1] > 30
