"""Materials: the colours that are typical of them, a solid pattern, and gloss."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.surface import Pattern, draw_pattern


@dataclass(frozen=True)
class _Range:
    """Ranges of hue (from 0 to 1), saturation and value; patterns with their strength; gloss from 0 to 1.

    frequency: factor of the pattern's spatial frequency.
    """

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    patterns: tuple[str, ...] = ("plain",)
    strength: float = 0.0
    gloss: float = 0.2
    frequency: float = 1.0


_ANY = (0.0, 1.0)
MATERIALS = {
    "apple": _Range((-0.04, 0.3), (0.55, 0.95), (0.45, 0.9), ("spots", "marble", "grain"), 0.35, 0.5, 2.0),
    "banana": _Range((0.1, 0.2), (0.5, 0.95), (0.6, 0.95), ("spots", "grain", "plain"), 0.4, 0.2, 2.0),
    "beak": _Range((0.02, 0.14), (0.7, 1.0), (0.7, 1.0), gloss=0.4),
    "brass": _Range((0.08, 0.15), (0.35, 0.7), (0.5, 0.85), ("plain", "grain"), 0.25, 0.9),
    "bristle": _Range(_ANY, (0.0, 0.5), (0.2, 0.95), ("grain",), 0.4, 0.1, 4.0),
    "cardboard": _Range((0.06, 0.11), (0.3, 0.6), (0.45, 0.75), ("grain", "plain"), 0.15, 0.05),
    "carrot": _Range((0.03, 0.1), (0.65, 0.95), (0.65, 0.95), ("grain", "stripes"), 0.2, 0.2, 2.0),
    "ceramic": _Range(_ANY, (0.0, 0.75), (0.5, 0.98), ("plain", "plain", "spots", "marble"), 0.4, 0.8),
    "chrome": _Range((0.55, 0.65), (0.0, 0.1), (0.65, 0.9), ("marble",), 0.4, 1.0),
    "cloth": _Range(_ANY, (0.1, 0.9), (0.2, 0.9), ("stripes", "checks", "spots", "grain", "plain"), 0.7, 0.0, 1.5),
    "glass": _Range((0.2, 0.65), (0.05, 0.6), (0.3, 0.9), ("plain", "marble"), 0.3, 1.0),
    "horn": _Range((0.03, 0.12), (0.4, 0.9), (0.15, 0.6), ("marble", "spots"), 0.7, 0.6, 2.0),
    "iron": _Range((0.05, 0.65), (0.0, 0.15), (0.12, 0.35), ("grain",), 0.3, 0.35),
    "leaf": _Range((0.2, 0.38), (0.4, 0.9), (0.25, 0.7), ("grain",), 0.3, 0.2),
    "leather": _Range((0.0, 0.12), (0.2, 0.8), (0.12, 0.6), ("grain", "spots"), 0.3, 0.3, 2.0),
    "lens": _Range((0.5, 0.75), (0.1, 0.6), (0.05, 0.3), gloss=1.0),
    "pages": _Range((0.08, 0.16), (0.0, 0.15), (0.8, 0.97), gloss=0.05),
    "painted": _Range(_ANY, (0.3, 0.95), (0.25, 0.9), ("plain", "plain", "spots"), 0.25, 0.7),
    "paper_any": _Range(_ANY, (0.05, 0.8), (0.4, 0.95), gloss=0.1),
    "pear": _Range((0.1, 0.28), (0.4, 0.85), (0.5, 0.85), ("spots", "grain"), 0.3, 0.3, 3.0),
    "plastic": _Range(_ANY, (0.2, 0.95), (0.3, 0.95), ("plain",), 0.0, 0.5),
    "plastic_dark": _Range(_ANY, (0.0, 0.3), (0.08, 0.35), ("plain",), 0.0, 0.4),
    "rubber": _Range(_ANY, (0.0, 0.2), (0.06, 0.3), ("grain", "plain"), 0.2, 0.1),
    "rubber_any": _Range(_ANY, (0.4, 0.95), (0.4, 0.95), ("plain",), 0.0, 0.3),
    "soot": _Range(_ANY, (0.0, 0.3), (0.03, 0.2)),
    "stalk": _Range((0.05, 0.25), (0.3, 0.7), (0.15, 0.45)),
    "steel": _Range((0.5, 0.7), (0.0, 0.12), (0.4, 0.8), ("grain", "plain"), 0.3, 0.9, 2.0),
    "straw": _Range((0.1, 0.15), (0.2, 0.5), (0.65, 0.9), ("checks", "stripes"), 0.35, 0.1, 3.0),
    "wax": _Range(_ANY, (0.0, 0.7), (0.6, 0.97), ("plain", "marble"), 0.3, 0.3),
    "wood": _Range((0.04, 0.11), (0.3, 0.75), (0.25, 0.75), ("wood",), 0.5, 0.15),
}


@dataclass(frozen=True)
class Material:
    """The surface of one part of an object. colour: float32 [3] from 0 to 1; gloss: from 0 to 1."""

    colour: NDArray[np.float32]
    pattern: Pattern
    gloss: float


def draw_material(rng: np.random.Generator, names: str, freedom: float, texture: float) -> Material:
    """Draw one of the materials in `names`, which are separated by "|".

    freedom: probability that its colour is not typical but of any hue, so that colour says little of the category.
    texture: factor of the pattern's strength.
    """
    choices = names.split("|")
    kind = MATERIALS[choices[int(rng.integers(len(choices)))]]
    free = rng.random() < freedom
    hue = rng.random() if free else rng.uniform(*kind.hue)
    saturation = rng.uniform(0.0, 0.95) if free else rng.uniform(*kind.saturation)
    value = rng.uniform(0.15, 0.95) if free else rng.uniform(*kind.value)
    colour = np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)
    return Material(colour, _draw(rng, kind, texture), kind.gloss * float(rng.uniform(0.6, 1.0)))


def _draw(rng: np.random.Generator, kind: _Range, texture: float) -> Pattern:
    name = kind.patterns[int(rng.integers(len(kind.patterns)))]
    pattern = draw_pattern(rng, min(1.0, kind.strength * texture))
    waves = pattern.waves * np.float32(kind.frequency)
    if name == "wood":
        # Grain along z: waves that vary across the object and hardly along it.
        return replace(pattern, kind="marble", waves=waves * np.array([1.0, 1.0, 0.12], np.float32))
    return replace(pattern, kind=name, waves=waves)
