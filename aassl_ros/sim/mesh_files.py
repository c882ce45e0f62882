"""Reads, simplifies and writes mesh files of robots (OBJ, STL).

Meshes of a robot have about 50,000 triangles, which the CPU renderer draws in 15 ms. At 128 pixels a fifth of the
triangles looks the same.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import SimulationError
from aassl_ros.sim.categories.shapes import Mesh

_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_STL_HEADER_BYTES = 84


def read_mesh(path: Path) -> Mesh:
    """Read the triangles of an OBJ or binary STL file. Raises SimulationError if the file is neither."""
    try:
        if path.suffix.lower() == ".obj":
            return _read_obj(path)
        if path.suffix.lower() == ".stl":
            return _read_stl(path)
    except (OSError, ValueError, IndexError) as error:
        raise SimulationError(f"mesh {path} cannot be read: {error}.") from error
    raise SimulationError(f"mesh {path}: expected an .obj or .stl file.")


def thinned(mesh: Mesh, cell: float) -> tuple[Mesh, NDArray[np.float64]]:
    """Simplify a mesh: merge all points that lie in the same cube of side `cell` (metres).

    Returns the mesh and its normals [V, 3]. The normals are means over the full mesh, so that the simplified mesh is
    shaded nearly like the full one.
    """
    cells = np.floor(mesh.vertices / cell).astype(np.int64)
    _, index = np.unique(cells, axis=0, return_inverse=True)
    index = index.reshape(-1)
    count = np.bincount(index)
    centres = np.column_stack([np.bincount(index, weights=column) / count for column in mesh.vertices.T])
    triangles = index[mesh.triangles]
    kept = triangles[np.linalg.norm(_area_vectors(centres, triangles), axis=1) > 1e-12]
    # Rotated so that the smallest index comes first: this finds duplicate triangles and keeps the winding order.
    lead = np.argmin(kept, axis=1)
    rolled = np.take_along_axis(kept, (lead[:, None] + np.arange(3)) % 3, axis=1)
    normals = np.zeros_like(centres)
    np.add.at(normals, triangles, _area_vectors(mesh.vertices, mesh.triangles)[:, None])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    # The two sides of a thin wall may cancel each other. Then any direction will do.
    normals = np.where(length > 1e-12, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])
    return Mesh(centres, np.unique(rolled, axis=0)), normals


def write_obj(path: Path, mesh: Mesh, normals: NDArray[np.float64]) -> None:
    """Write the mesh with its normals [V, 3] as an OBJ file."""
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*vertex) for vertex in mesh.vertices]
    lines += ["vn {:.4f} {:.4f} {:.4f}".format(*normal) for normal in normals]
    lines += ["f {0}//{0} {1}//{1} {2}//{2}".format(*triangle) for triangle in mesh.triangles + 1]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _area_vectors(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Outward normals [T, 3] of the triangles; their length is twice the area."""
    first, second, third = (vertices[triangles[:, corner]] for corner in range(3))
    return np.cross(second - first, third - first)


def _read_obj(path: Path) -> Mesh:
    vertices: list[list[str]] = []
    triangles: list[tuple[int, int, int]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("v "):
            vertices.append(line.split()[1:4])
        elif line.startswith("f "):
            corners = [int(word.split("/", 1)[0]) for word in line.split()[1:]]
            corners = [corner - 1 if corner > 0 else len(vertices) + corner for corner in corners]
            triangles += [(corners[0], second, third) for second, third in pairwise(corners[1:])]
    if not triangles:
        raise ValueError("it contains no triangles")
    return Mesh(np.array(vertices, dtype=np.float64), np.array(triangles, dtype=np.int64))


def _read_stl(path: Path) -> Mesh:
    data = path.read_bytes()
    count = int.from_bytes(data[80:_STL_HEADER_BYTES], "little")
    if count == 0 or len(data) < _STL_HEADER_BYTES + count * _STL_TRIANGLE.itemsize:
        raise ValueError("it is not a binary STL file, or is truncated")
    corners = np.frombuffer(data, _STL_TRIANGLE, count, _STL_HEADER_BYTES)["corners"].reshape(-1, 3)
    return Mesh(corners.astype(np.float64), np.arange(3 * count).reshape(-1, 3))
