"""Imports go down only: motion <- data, sim <- synth, learning <- ros, nodes, studies <- bringup, demo, cli, launch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import find_circle, import_graph, imported_names, two_way_ties

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "aassl_ros"
ROS = {
    "action_msgs",
    "ament_index_python",
    "builtin_interfaces",
    "control_msgs",
    "diagnostic_msgs",
    "geometry_msgs",
    "launch",
    "launch_ros",
    "lifecycle_msgs",
    "rcl_interfaces",
    "rclpy",
    "rosgraph_msgs",
    "rosidl_runtime_py",
    "sensor_msgs",
    "std_msgs",
    "std_srvs",
    "tf2_msgs",
    "trajectory_msgs",
    "unique_identifier_msgs",
    "vision_msgs",
}
ON_TOP = {"bringup", "cli", "demo", "doctor", "messages", "reports"}  # messages: started by set-up alone
EVERYWHERE = {
    "errors",
    "files",
    "one_process",
    "settings",
    "paths",
    "registry",
    "progress",
    "ray_cluster",
    "worker_processes",
    "__version__",
}
MAY_IMPORT = {
    "motion": set(),
    "data": {"motion"},
    "sim": {"motion"},
    "report": {"data", "motion"},
    "view": {"data"},
    "synth": {"data", "sim", "motion"},
    "learning": {"data", "motion"},
    "page": {"data", "motion"},
    "benchmarks": {"bringup", "nodes", "ros", "learning", "report", "data", "sim", "motion", "ros_environment"},
    "studies": {"learning", "report", "data", "motion"},
    "ros": {"data", "motion", "ros_environment"},
    "nodes": {"ros", "page", "learning", "data", "motion", "sim", "view", "ros_environment"},
}
KNOW_ROS = {"ros", "nodes"}
WITHOUT_TORCH = ["motion", "data", "sim", "synth", "report", "view", "ros", "page"]


def files_of(layer: str) -> list[Path]:
    return sorted((PACKAGE / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT.keys() - KNOW_ROS))
def test_only_nodes_know_ros(layer: str) -> None:
    for file in files_of(layer):
        assert not {name.split(".")[0] for name in imported_names(file)} & ROS, file


def test_the_ros_packages_that_package_xml_names_are_known_here() -> None:
    text = (CHECKOUT / "package.xml").read_text(encoding="utf-8")
    named = {line.split("<exec_depend>")[1].split("<")[0] for line in text.splitlines() if "<exec_depend>" in line}
    assert {name for name in named if name.endswith(("_msgs", "_srvs", "_interfaces"))} <= ROS


@pytest.mark.parametrize("layer", WITHOUT_TORCH)
def test_torch_begins_at_learning(layer: str) -> None:
    for file in files_of(layer):
        assert not {name.split(".")[0] for name in imported_names(file)} & {"torch", "kornia"}, file


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_those_below_it(layer: str) -> None:
    files = files_of(layer)
    assert files, f"no files in {layer}"
    for file in files:
        ours = {name.split(".")[1] for name in imported_names(file) if name.startswith("aassl_ros.")}
        assert ours <= MAY_IMPORT[layer] | EVERYWHERE | {layer}, file


def test_no_import_circle_between_files() -> None:
    assert find_circle(import_graph(PACKAGE)) == []


def test_no_two_folders_import_each_other() -> None:
    assert two_way_ties(import_graph(PACKAGE)) == []


def test_a_circle_and_a_tie_are_found(tmp_path: Path) -> None:
    package = tmp_path / "package"
    for folder in ("", "one", "two"):
        (package / folder).mkdir(exist_ok=True)
        (package / folder / "__init__.py").write_text("")
    (package / "one" / "a.py").write_text("def later():\n    from package.two import b\n")
    (package / "two" / "b.py").write_text("import package.two.c\n")
    (package / "two" / "c.py").write_text("from package.one import d\n")
    (package / "one" / "d.py").write_text("")
    graph = import_graph(package)
    assert find_circle(graph) == []
    assert two_way_ties(graph) == [("package.one", "package.two")]
    (package / "one" / "d.py").write_text("from package.one.a import later\n")
    assert len(find_circle(import_graph(package))) == 5


def test_every_module_can_be_imported_first() -> None:
    """Each folder's __init__ runs before its files: an order of imports that works for one may fail for another."""
    rooms = sorted({file.parent for layer in ("data", "learning", "motion", "report") for file in files_of(layer)})
    names = [".".join(folder.relative_to(CHECKOUT).parts) for folder in rooms]
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for old in [old for old in sys.modules if old.startswith('aassl_ros')]:\n"
        "        del sys.modules[old]\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-c", program, *names], check=True, cwd=CHECKOUT, timeout=240)


def test_every_folder_is_a_layer_that_is_checked_here_and_named_in_the_docs() -> None:
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert folders == MAY_IMPORT.keys() | ON_TOP
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in sorted(folders) if f"`{name}/`" not in page] == []
    rooms = {f"{file.parent.parent.name}/{file.parent.name}/" for file in PACKAGE.glob("*/*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}`" not in page] == []
