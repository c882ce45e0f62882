"""Triangle meshes of primitive shapes, from which the catalogue builds its objects. Any unit of length; z is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Faces that meet at a larger angle keep a sharp edge. At a smaller angle they are shaded as one smooth surface.
CREASE_DEG = 40.0


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh. vertices: float64 [V, 3]; triangles: int64 [T, 3], counter-clockwise seen from outside."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The mesh shifted."""
        return Mesh(self.vertices + np.array([x, y, z]), self.triangles)

    def turned(self, x_deg: float = 0.0, y_deg: float = 0.0, z_deg: float = 0.0) -> Mesh:
        """The mesh rotated about the fixed axes x, then y, then z, in degrees."""
        (cx, cy, cz), (sx, sy, sz) = _cos_sin(x_deg, y_deg, z_deg)
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        return Mesh(self.vertices @ (about_z @ about_y @ about_x).T, self.triangles)

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        """The mesh scaled by positive factors, one for each axis or one for all."""
        factors = np.array([x, x if y is None else y, x if z is None else z])
        return Mesh(self.vertices * factors, self.triangles)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Join several meshes into one."""
    offsets = np.cumsum([0, *[len(mesh.vertices) for mesh in meshes[:-1]]])
    triangles = [mesh.triangles + offset for mesh, offset in zip(meshes, offsets, strict=True)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(triangles))


def box(x: float, y: float, z: float, *, taper: float = 1.0) -> Mesh:
    """A box of these lengths, centred at the origin; `taper` scales its top face relative to its bottom face."""
    outline = np.array([[-x, -y], [x, -y], [x, y], [-x, y]]) / 2
    return prism(outline, z, taper=taper)


def prism(outline: ArrayLike, height: float, *, taper: float = 1.0) -> Mesh:
    """An outline [P, 2] extruded to `height`, centred at z = 0.

    The outline is counter-clockwise and star-shaped about its mean.
    """
    flat = np.asarray(outline, dtype=np.float64)
    count = len(flat)
    centre = flat.mean(axis=0)
    top = centre + (flat - centre) * taper
    rows = [(flat, -height / 2), (top, height / 2), (centre[None], -height / 2), (centre[None], height / 2)]
    vertices = np.concatenate([np.column_stack([part, np.full(len(part), level)]) for part, level in rows])
    here = np.arange(count)
    after = (here + 1) % count
    side = np.concatenate(
        [np.column_stack([here, after, count + after]), np.column_stack([here, count + after, count + here])]
    )
    bottom = np.column_stack([np.full(count, 2 * count), after, here])
    lid = np.column_stack([np.full(count, 2 * count + 1), count + here, count + after])
    return Mesh(vertices, np.concatenate([side, bottom, lid]))


def lathe(profile: ArrayLike, *, segments: int = 20) -> Mesh:
    """A solid of revolution about z from a profile [P, 2] of (radius, height), from bottom to top on the outside.

    Radius 0 closes an end.
    """
    curve = np.asarray(profile, dtype=np.float64)
    angles = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    around = curve[:, None, :1] * ring[None]
    level = np.broadcast_to(curve[:, None, 1:], (len(curve), segments, 1))
    vertices = np.concatenate([around, level], axis=2).reshape(-1, 3)
    return _without_slivers(Mesh(vertices, _grid_triangles(len(curve), segments)))


def cylinder(radius: float, height: float, *, top: float | None = None, segments: int = 16) -> Mesh:
    """A cylinder centred at the origin, or a frustum if the radius at the `top` differs (0 for a cone)."""
    upper = radius if top is None else top
    profile = [(0.0, -height / 2), (radius, -height / 2), (upper, height / 2), (0.0, height / 2)]
    return lathe(profile, segments=segments)


def ring(radius: float, thickness: float, *, segments: int = 18) -> Mesh:
    """A ring of this radius in the x-y plane, with a round section; thickness: the radius of the section."""
    angles = np.linspace(0.0, 2 * np.pi, 7)
    profile = np.column_stack([radius + thickness * np.cos(angles), thickness * np.sin(angles)])
    return lathe(profile, segments=segments)


def ellipsoid(x: float, y: float, z: float, *, rings: int = 9, segments: int = 16) -> Mesh:
    """An ellipsoid with these semi-axes, centred at the origin."""
    return _without_slivers(_ball(rings, segments).scaled(x, y, z))


def cushion(x: float, y: float, z: float, *, roundness: float) -> Mesh:
    """A box of these lengths with rounded corners; roundness: 1 for an ellipsoid, 0.2 for nearly a box."""
    ball = _ball(11, 20)
    corners = np.sign(ball.vertices) * np.abs(ball.vertices) ** roundness
    return _without_slivers(Mesh(corners, ball.triangles).scaled(x / 2, y / 2, z / 2))


def tube(path: ArrayLike, radius: float | ArrayLike, *, sides: int = 8) -> Mesh:
    """A round bar along `path` [P, 3], with one radius or one for each point, and closed ends."""
    points = np.asarray(path, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(points))
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = _carried_along(along)
    beside = np.cross(along, across)
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.cos(angles)[None, :, None] * across[:, None] + np.sin(angles)[None, :, None] * beside[:, None]
    rings = points[:, None] + radii[:, None, None] * ring
    ends = [np.repeat(points[[end]], sides, axis=0)[None] for end in (0, -1)]
    vertices = np.concatenate([ends[0], rings, ends[1]]).reshape(-1, 3)
    return _without_slivers(Mesh(vertices, _grid_triangles(len(points) + 2, sides)))


def arc(radius: float, start_deg: float, stop_deg: float, *, points: int = 10) -> NDArray[np.float64]:
    """Points [P, 3] of a circular arc in the x-z plane about the origin; 0 degrees is +x, 90 is +z."""
    angles = np.radians(np.linspace(start_deg, stop_deg, points))
    return radius * np.column_stack([np.cos(angles), np.zeros(points), np.sin(angles)])


def shaded(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """The mesh with normals: vertices [3 T, 3], unit normals [3 T, 3], triangles [T, 3]; no two share a corner."""
    corners = mesh.vertices[mesh.triangles]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = areas / np.linalg.norm(areas, axis=1, keepdims=True)
    vertex_of = mesh.triangles.reshape(-1)
    order = np.argsort(vertex_of, kind="stable")
    start = np.searchsorted(vertex_of[order], np.arange(len(mesh.vertices)))
    valence = np.bincount(vertex_of, minlength=len(mesh.vertices))
    slots = np.arange(valence.max())
    # For each corner: the triangles at its vertex, padded with the last one; the padding is masked out below.
    slot_at = np.minimum(start[vertex_of][:, None] + slots, len(order) - 1)
    neighbours = order[slot_at] // 3
    own = np.repeat(faces, 3, axis=0)
    smooth = np.einsum("cd,cnd->cn", own, faces[neighbours]) > np.cos(np.radians(CREASE_DEG))
    smooth &= slots < valence[vertex_of][:, None]
    normals = np.einsum("cn,cnd->cd", smooth, areas[neighbours])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return corners.reshape(-1, 3), normals, np.arange(len(vertex_of)).reshape(-1, 3)


def _ball(rings: int, segments: int) -> Mesh:
    """The unit sphere as rings of points from pole to pole. All points of a pole coincide."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings)
    longitude = np.arange(segments) * 2 * np.pi / segments
    radius = np.cos(latitude)
    radius[[0, -1]] = 0.0
    x, y = np.outer(radius, np.cos(longitude)), np.outer(radius, np.sin(longitude))
    z = np.broadcast_to(np.sin(latitude)[:, None], x.shape)
    return Mesh(np.stack([x, y, z], axis=-1).reshape(-1, 3), _grid_triangles(rings, segments))


def _grid_triangles(rows: int, columns: int) -> NDArray[np.int64]:
    """Triangles over a grid of rows x columns points whose last column joins the first."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    here = (row * columns + column).reshape(-1)
    beside = (row * columns + (column + 1) % columns).reshape(-1)
    lower = np.column_stack([here, beside, beside + columns])
    upper = np.column_stack([here, beside + columns, here + columns])
    return np.concatenate([lower, upper])


def _without_slivers(mesh: Mesh) -> Mesh:
    """The mesh with coinciding points merged and triangles of zero area removed."""
    vertices, index = np.unique(np.round(mesh.vertices, 9), axis=0, return_inverse=True)
    triangles = index.reshape(-1)[mesh.triangles]
    corners = vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return Mesh(vertices, triangles[area > 1e-12])


def _carried_along(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors normal to `along` [P, 3] that turn no more than the path does, so that a tube is not twisted."""
    across = np.empty_like(along)
    guess = np.eye(3)[np.argmin(np.abs(along[0]))]
    for index, direction in enumerate(along):
        guess = guess - direction * (guess @ direction)
        guess = guess / np.linalg.norm(guess)
        across[index] = guess
    return across


def _cos_sin(*degrees: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angles = np.radians(degrees)
    return np.cos(angles), np.sin(angles)
