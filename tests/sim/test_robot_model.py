"""A robot's meshes get names that work on other machines, and are found by these names."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from aassl_ros.errors import SimulationError
from aassl_ros.sim.robot_model import find_mesh, with_package_names


def urdf(*meshes: str) -> str:
    visuals = "".join(f'<visual><geometry><mesh filename="{mesh}"/></geometry></visual>' for mesh in meshes)
    return f'<robot name="mine"><link name="base">{visuals}</link></robot>'


def names(text: str) -> list[str]:
    return [mesh.get("filename", "") for mesh in ElementTree.fromstring(text).iter("mesh")]


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    """The URDF of a user's arm, with a mesh in a folder beside the URDF's folder."""
    for folder in ("urdf", "meshes"):
        (tmp_path / "my_arm" / folder).mkdir(parents=True)
    (tmp_path / "my_arm" / "meshes" / "base.stl").touch()
    return tmp_path / "my_arm" / "urdf" / "arm.urdf"


@pytest.mark.parametrize("written", ["relative", "absolute", "address"])
def test_a_local_path_becomes_a_package_path_and_is_found_again(arm: Path, written: str) -> None:
    mesh = arm.parents[1] / "meshes" / "base.stl"
    filename = {"relative": "meshes/base.stl", "absolute": str(mesh), "address": mesh.as_uri()}[written]
    described = with_package_names(urdf(filename), arm)
    assert names(described) == ["package://my_arm/meshes/base.stl"]
    assert find_mesh(names(described)[0], arm) == mesh


def test_a_mesh_in_a_ros_package_gets_the_name_of_that_package(arm: Path) -> None:
    (arm.parents[1] / "package.xml").write_text("<package><name>my_description</name></package>")
    assert names(with_package_names(urdf("meshes/base.stl"), arm)) == ["package://my_description/meshes/base.stl"]


def test_a_package_path_stays_and_is_found_in_the_installed_package(
    arm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "install" / "share" / "maker_description" / "meshes"
    installed.mkdir(parents=True)
    (installed / "link.stl").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "install"))
    filename = "package://maker_description/meshes/link.stl"
    assert find_mesh(filename, arm) == installed / "link.stl"
    assert names(with_package_names(urdf(filename), arm)) == [filename]


def test_the_error_names_a_missing_mesh(arm: Path) -> None:
    with pytest.raises(SimulationError, match="nor in an installed package"):
        with_package_names(urdf("package://maker_description/meshes/none.stl"), arm)
