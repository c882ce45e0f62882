"""The procedural catalogue: any number of instances of each category, each drawn from its own seed.

An instance depends only on the catalogue's settings and seed, its category and its number. It is the same on every
machine and in any order of calls. Its colours are drawn independently of its shape, in the same way for every category,
so that colour carries no information about the category.
"""

from __future__ import annotations

import colorsys
import re
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import SimulationError
from aassl_ros.settings import from_mapping, setting
from aassl_ros.sim.assets import read_asset
from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, join
from aassl_ros.sim.scaled_rng import scaled_rng

_ID = re.compile(r"^(?P<category>[a-z_]+)_(?P<index>\d{4,})$")


@dataclass(frozen=True)
class CatalogueSettings:
    """Settings of a catalogue file (sim/catalogues/NAME.yaml)."""

    seed: int = setting(0, "Random seed. Another seed gives other objects.", minimum=0)
    categories: tuple[str, ...] = setting(tuple(sorted(CATEGORIES)), "The categories, some of those that are built in.")
    smallest_radius: float = setting(
        0.085, "Smallest radius of an object's bounding sphere, m.", minimum=0.01, maximum=1.0
    )
    largest_radius: float = setting(
        0.105, "Largest radius of an object's bounding sphere, m.", minimum=0.01, maximum=1.0
    )
    variation: float = setting(1.0, "Shape variation within a category: 1 full, 0 none.", minimum=0.0, maximum=1.0)
    most_colours: int = setting(3, "Maximum number of colours of an object.", minimum=1, maximum=8)


@dataclass(frozen=True)
class ColouredMesh:
    """The parts of an object that have one colour. rgba: four numbers from 0 to 1."""

    mesh: Mesh
    rgba: tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectModel:
    """One object. The origin of its frame is the centre of its bounding sphere; z is up and x points to its front.

    meshes: one for each colour, m. radius: of the bounding sphere, m. extent: float64 [3], size of the bounding box, m.
    """

    instance: str
    category: str
    meshes: tuple[ColouredMesh, ...]
    radius: float
    extent: NDArray[np.float64]


class Catalogue:
    """Makes objects by category and number, or by instance id (such as "mug_0003")."""

    def __init__(self, seed: int | None = None, settings: CatalogueSettings | None = None) -> None:
        """seed overrides the seed in the settings. Raises SimulationError if the settings name an unknown category."""
        self.settings = settings or CatalogueSettings()
        self.seed = self.settings.seed if seed is None else seed
        self.categories = tuple(self.settings.categories)
        unknown = sorted(set(self.categories) - set(CATEGORIES))
        if unknown or not self.categories:
            found = unknown[0] if unknown else "none"
            raise SimulationError(f"category {found!r} is unknown, expected some of {', '.join(CATEGORIES)}.")

    def instance(self, category: str, index: int) -> ObjectModel:
        """The object of this category and number (0 or more). Raises SimulationError if there is none."""
        if category not in self.categories:
            raise SimulationError(
                f"no category {category!r} in the catalogue, expected one of {', '.join(self.categories)}."
            )
        if index < 0:
            raise SimulationError(f"instance number {index} of {category}, expected 0 or more.")
        shape_seed, colour_seed = np.random.SeedSequence([self.seed, zlib.crc32(category.encode()), index]).spawn(2)
        shape = scaled_rng(np.random.PCG64(shape_seed), self.settings.variation)
        parts = CATEGORIES[category](shape)
        radius = float(shape.uniform(self.settings.smallest_radius, self.settings.largest_radius))
        parts, extent = fitted(parts, radius)
        colours = _draw_colours(np.random.default_rng(colour_seed), self.settings.most_colours)
        return ObjectModel(instance_id(category, index), category, _coloured(parts, colours), radius, extent)

    def find(self, instance: str) -> ObjectModel:
        """The object with this id. Raises SimulationError if the catalogue has no such id."""
        match = _ID.match(instance)
        if match is None:
            raise SimulationError(
                f"instance {instance!r}, expected a category and a number of four digits, such as mug_0003."
            )
        return self.instance(match["category"], int(match["index"]))


def load_catalogue(name: str = "household", *, seed: int | None = None) -> Catalogue:
    """Load the catalogue sim/catalogues/NAME.yaml, or a file by its path. Raises ConfigError or SimulationError."""
    values, source = read_asset("catalogues", name)
    return Catalogue(seed, from_mapping(CatalogueSettings, values, source=source))


def instance_id(category: str, index: int) -> str:
    """The id of an instance, such as "mug_0003"."""
    return f"{category}_{index:04d}"


def fitted(parts: list[Part], radius: float) -> tuple[list[Part], NDArray[np.float64]]:
    """Return the parts, centred and scaled to a bounding sphere of `radius`, and the size [3] of their bounding box."""
    points = np.concatenate([part.mesh.vertices for part in parts])
    middle = _ball_centre(points)
    factor = radius / np.linalg.norm(points - middle, axis=1).max()
    scaled = [Part(part.mesh.moved(*-middle).scaled(factor), part.group) for part in parts]
    return scaled, np.ptp(points, axis=0) * factor


def _ball_centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The approximate centre of the smallest bounding sphere of points [P, 3].

    Method of Badoiu and Clarkson: step toward the farthest point, with decreasing step length.
    """
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    for step in range(1, 60):
        farthest = points[np.argmax(np.einsum("pd,pd->p", points - centre, points - centre))]
        centre = centre + (farthest - centre) / (step + 1)
    return centre


def _draw_colours(rng: np.random.Generator, most: int) -> list[tuple[float, float, float, float]]:
    """Draw one to `most` colours of any hue. Returns one colour for each group of parts."""
    palette = []
    for _ in range(int(rng.integers(1, most + 1))):
        red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.25, 0.95), rng.uniform(0.35, 0.95))
        palette.append((red, green, blue, 1.0))
    return [palette[int(choice)] for choice in rng.integers(0, len(palette), size=8)]


def _coloured(parts: list[Part], colours: list[tuple[float, float, float, float]]) -> tuple[ColouredMesh, ...]:
    """Join the parts of one colour, because fewer meshes are drawn faster."""
    by_colour: dict[tuple[float, float, float, float], list[Mesh]] = {}
    for part in parts:
        by_colour.setdefault(colours[part.group % len(colours)], []).append(part.mesh)
    return tuple(ColouredMesh(join(meshes), rgba) for rgba, meshes in by_colour.items())
