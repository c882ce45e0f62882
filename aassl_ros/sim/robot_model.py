"""A robot's URDF made ready: for PyBullet with thinned meshes, for viewers with mesh paths that they can open."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from aassl_ros.errors import SimulationError
from aassl_ros.sim.mesh_files import read_mesh, thinned, write_obj


def with_open_paths(urdf: str, path: Path) -> str:
    """The URDF with every mesh named by a file:// address, as viewers on this machine want it."""
    root = _parse(urdf, path)
    for mesh in root.iter("mesh"):
        mesh.set("filename", find_mesh(mesh.get("filename", ""), path).as_uri())
    return ElementTree.tostring(root, encoding="unicode")


def with_thinned_meshes(urdf: str, path: Path, folder: Path, *, cell: float) -> str:
    """The URDF with each link's meshes thinned to cubes of the side `cell` (metres) and written to `folder`.

    Visual meshes serve for contact as well: where a robot brings coarser ones for contact they may not be at hand.
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
    """The mesh of this name, beside the URDF or in a folder above it. Raises SimulationError where it is not."""
    relative = filename.removeprefix("package://").removeprefix("file://")
    for folder in urdf_path.parents:
        if (folder / relative).is_file():
            return folder / relative
    raise SimulationError(f"{urdf_path} names mesh {filename}, which lies neither beside it nor above it.")


def _parse(urdf: str, path: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(urdf)
    except ElementTree.ParseError as error:
        raise SimulationError(f"robot description {path} is not XML: {error}.") from error
