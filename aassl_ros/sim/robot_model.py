"""Prepares a robot's URDF: with simplified meshes for PyBullet, and with package names that work on any machine."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from aassl_ros.errors import SimulationError
from aassl_ros.paths import PACKAGE_SCHEME, find_package_file, python_package_folder
from aassl_ros.sim.mesh_files import read_mesh, thinned, write_obj

# The Python package that contains our arms.
_PYBULLET_DATA = "pybullet_data"


def with_package_names(urdf: str, path: Path) -> str:
    """The URDF with every mesh named as package://NAME/PATH, so that a bag contains no path of this machine."""
    root = _parse(urdf, path)
    for mesh in root.iter("mesh"):
        filename = mesh.get("filename", "")
        mesh.set("filename", _package_name(filename, find_mesh(filename, path), path))
    return ElementTree.tostring(root, encoding="unicode")


def with_thinned_meshes(urdf: str, path: Path, folder: Path, *, cell: float) -> str:
    """The URDF with each link's meshes simplified to details of size `cell` (metres) and written to `folder`.

    Visual meshes serve as collision meshes too, because the robot's own collision meshes may not be installed.
    """
    root = _parse(urdf, path)
    written: dict[Path, str] = {}
    for link in root.iter("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
        for visual in link.findall("visual"):
            for mesh in visual.iter("mesh"):
                source = find_mesh(mesh.get("filename", ""), path)
                if source not in written:
                    target = folder / f"{len(written):03d}_{source.stem}.obj"
                    write_obj(target, *thinned(read_mesh(source), cell))
                    written[source] = str(target)
                mesh.set("filename", written[source])
            contact = ElementTree.SubElement(link, "collision")
            contact.extend([child for child in visual if child.tag in ("origin", "geometry")])
    return ElementTree.tostring(root, encoding="unicode")


def find_mesh(filename: str, urdf_path: Path) -> Path:
    """Find a mesh next to the URDF, relative to a folder above it, or in an installed package.

    Raises SimulationError if it is in none of them.
    """
    relative = filename.removeprefix(PACKAGE_SCHEME).removeprefix("file://")
    for folder in urdf_path.parents:
        if (folder / relative).is_file():
            return folder / relative
    if filename.startswith(PACKAGE_SCHEME) and (found := find_package_file(filename)) is not None:
        return found
    raise SimulationError(
        f"{urdf_path} names mesh {filename}, which is neither next to it, nor above it, nor in an installed package."
    )


def _package_name(filename: str, mesh: Path, urdf_path: Path) -> str:
    """The name package://NAME/PATH of a mesh that was found as `filename`.

    NAME is pybullet_data, else the package that the URDF names, else the ROS package that contains the mesh, else the
    folder that contains the URDF and the mesh.
    """
    pybullet_data = python_package_folder(_PYBULLET_DATA)
    if pybullet_data is not None and mesh.is_relative_to(pybullet_data):
        return f"{PACKAGE_SCHEME}{_PYBULLET_DATA}/{mesh.relative_to(pybullet_data).as_posix()}"
    if filename.startswith(PACKAGE_SCHEME):
        return filename
    for folder in mesh.parents:
        if (folder / "package.xml").is_file():
            name = ElementTree.parse(folder / "package.xml").getroot().findtext("name", folder.name).strip()
            return f"{PACKAGE_SCHEME}{name}/{mesh.relative_to(folder).as_posix()}"
    # The root folder has no name.
    folder = next((folder for folder in mesh.parents if folder in urdf_path.parents and folder.name), mesh.parent)
    return f"{PACKAGE_SCHEME}{folder.name}/{mesh.relative_to(folder).as_posix()}"


def _parse(urdf: str, path: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(urdf)
    except ElementTree.ParseError as error:
        raise SimulationError(f"robot description {path} is not XML: {error}.") from error
