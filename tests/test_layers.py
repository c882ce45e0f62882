"""Imports go down only: motion <- data, sim <- synth, learning <- nodes, studies <- demo, cli, launch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "aassl_ros"
ROS = {
    "rclpy",
    "std_msgs",
    "sensor_msgs",
    "geometry_msgs",
    "trajectory_msgs",
    "diagnostic_msgs",
    "vision_msgs",
    "launch",
}
ON_TOP = {"cli", "demo", "doctor", "messages"}  # messages: begun by set-up alone
EVERYWHERE = {"errors", "settings", "paths", "__version__"}
MAY_IMPORT = {
    "motion": set(),
    "data": {"motion"},
    "sim": {"motion"},
    "report": {"data", "motion"},
    "synth": {"data", "sim", "motion"},
    "learning": {"data", "motion"},
    "benchmarks": {"nodes", "learning", "data", "motion"},
    "studies": {"learning", "report", "data", "motion"},
    "nodes": {"learning", "data", "motion", "sim", "ros_environment"},
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files_of(layer: str) -> list[Path]:
    return sorted((PACKAGE / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", ["motion", "data", "sim", "synth", "learning", "report", "benchmarks", "studies"])
def test_only_nodes_know_ros(layer: str) -> None:
    for file in files_of(layer):
        assert not {name.split(".")[0] for name in imported(file)} & ROS, file


@pytest.mark.parametrize("layer", ["motion", "data", "sim", "synth", "report"])
def test_torch_begins_at_learning(layer: str) -> None:
    for file in files_of(layer):
        assert not {name.split(".")[0] for name in imported(file)} & {"torch", "kornia"}, file


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_those_below_it(layer: str) -> None:
    files = files_of(layer)
    assert files, f"no files in {layer}"
    for file in files:
        ours = {name.split(".")[1] for name in imported(file) if name.startswith("aassl_ros.")}
        assert ours <= MAY_IMPORT[layer] | EVERYWHERE | {layer}, file


def test_every_folder_is_a_layer_that_is_looked_at_here_and_named_in_the_docs() -> None:
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert folders == MAY_IMPORT.keys() | ON_TOP
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in sorted(folders) if f"`{name}/`" not in page] == []
