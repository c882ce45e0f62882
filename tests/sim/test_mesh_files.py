"""Meshes of robots are read, simplified and written; an error names the broken file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aassl_ros.errors import SimulationError
from aassl_ros.sim.categories.shapes import Mesh, ellipsoid, shaded
from aassl_ros.sim.mesh_files import read_mesh, thinned, write_obj


def test_a_written_mesh_reads_back(tmp_path: Path) -> None:
    ball = ellipsoid(0.1, 0.2, 0.3)
    vertices, normals, triangles = shaded(ball)
    write_obj(tmp_path / "ball.obj", Mesh(vertices, triangles), normals)
    again = read_mesh(tmp_path / "ball.obj")

    np.testing.assert_allclose(again.vertices, vertices, atol=1e-6)
    np.testing.assert_array_equal(again.triangles, triangles)


def test_thinning_keeps_the_shape_with_fewer_triangles() -> None:
    ball = ellipsoid(0.1, 0.1, 0.1, rings=60, segments=80)
    thin, normals = thinned(ball, 0.02)

    assert len(thin.triangles) < len(ball.triangles) / 8
    np.testing.assert_allclose(np.linalg.norm(thin.vertices, axis=1), 0.1, atol=0.01)
    outward = thin.vertices / np.linalg.norm(thin.vertices, axis=1, keepdims=True)
    assert np.einsum("vd,vd->v", normals, outward).min() > 0.9


@pytest.mark.parametrize(("name", "content"), [("cut.stl", b"short"), ("empty.obj", b""), ("mesh.dae", b"<xml/>")])
def test_the_error_names_a_file_that_contains_no_mesh(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SimulationError, match=name):
        read_mesh(tmp_path / name)
