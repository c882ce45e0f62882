"""Objects of the household set: a shape with a material for each group of parts, a print and wear."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.catalogue import fitted, instance_id
from aassl_ros.sim.categories.shapes import Mesh, join
from aassl_ros.sim.household.categories import HOUSEHOLD, OTHERS
from aassl_ros.sim.household.materials import Material, draw_material
from aassl_ros.sim.household.prints import Picture, draw_print, draw_scratches
from aassl_ros.sim.scaled_rng import scaled_rng

_GROUPS = 6
_RADIUS_M = (0.085, 0.105)


@dataclass(frozen=True)
class Print:
    """A print on a part. mapping: "wrap", "box", "face" or "top"; repeats: copies around the z axis (wrap)."""

    picture: Picture
    mapping: str
    repeats: int


@dataclass(frozen=True)
class SurfacePart:
    """All parts of an object with one material. low, high: float32 [3], corners of their bounding box, m."""

    mesh: Mesh
    material: Material
    print: Print | None
    low: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True)
class HouseholdObject:
    """One object. The origin of its frame is the centre of its bounding sphere; z is up and x points to its front.

    wear: float32 [S, S], factor of the colour by scratches and stains. radius: of the bounding sphere, m.
    """

    instance: str
    category: str
    parts: tuple[SurfacePart, ...]
    wear: NDArray[np.float32]
    radius: float


@dataclass(frozen=True)
class Looks:
    """How objects look. variation: of the shape; colour_freedom: probability that a part's colour is of any hue.

    texture: strength of patterns and wear. All from 0 to 1.
    """

    variation: float = 1.0
    colour_freedom: float = 0.5
    texture: float = 1.0


def make_object(seed: int, category: str, index: int, looks: Looks) -> HouseholdObject:
    """The object of this category and number. It depends only on the arguments."""
    kind = HOUSEHOLD[category] if category in HOUSEHOLD else OTHERS[category]
    seeds = np.random.SeedSequence([seed, zlib.crc32(category.encode()), index]).spawn(2)
    shape = scaled_rng(np.random.PCG64(seeds[0]), looks.variation)
    rng = np.random.default_rng(seeds[1])
    parts = kind.shape(shape)
    radius = float(shape.uniform(*_RADIUS_M))
    parts, _ = fitted(parts, radius)
    meshes: dict[int, list[Mesh]] = {}
    for part in parts:
        meshes.setdefault(min(part.group, _GROUPS - 1), []).append(part.mesh)
    materials = [
        draw_material(rng, kind.materials[min(group, len(kind.materials) - 1)], looks.colour_freedom, looks.texture)
        for group in range(_GROUPS)
    ]
    names = kind.print.split("|")
    name = names[int(rng.integers(len(names)))]
    printed = Print(draw_print(rng, name), kind.mapping, int(rng.integers(1, 3))) if name else None
    wear = draw_scratches(rng, looks.texture * float(rng.uniform(0.0, 1.0)))
    surfaces = tuple(
        _surface(join(meshes[group]), materials[group], printed if group == kind.printed_group else None)
        for group in sorted(meshes)
    )
    return HouseholdObject(instance_id(category, index), category, surfaces, wear, radius)


def _surface(mesh: Mesh, material: Material, printed: Print | None) -> SurfacePart:
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    return SurfacePart(mesh, material, printed, low.astype(np.float32), high.astype(np.float32))
