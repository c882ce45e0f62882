"""Solid textures of objects: the pattern is a function of the 3D point in the object's frame.

So meshes need no texture coordinates, the pattern turns with the object, and it has no seams.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("plain", "stripes", "checks", "spots", "marble", "grain")
# Wavelengths of patterns, m: about two to eight waves across an object of 0.2 m.
_SHORTEST_M, _LONGEST_M = 0.025, 0.09
_WAVES = 5


@dataclass(frozen=True)
class Pattern:
    """One object's pattern. waves: float32 [W, 3], rad/m; phases: float32 [W], rad.

    tint: float32 [3], factor of the colour at points with level 1.
    """

    kind: str
    waves: NDArray[np.float32]
    phases: NDArray[np.float32]
    tint: NDArray[np.float32]

    def factor(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Factors of the object's colour, float32 [P, 3], at `points` [P, 3] in the object's frame, m."""
        if self.kind == "plain":
            return np.ones_like(points)
        return np.asarray(1.0 + self._level(points)[:, None] * (self.tint - 1.0), np.float32)

    def _level(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """The level of the pattern at these points, from 0 to 1: float32 [P]."""
        if self.kind == "stripes":
            return _step(np.sin(points @ self.waves[0] + self.phases[0]))
        if self.kind == "checks":
            # Three waves at right angles: the first is random, the others are made orthogonal to it.
            return _step(np.prod(np.sin(points @ _upright(self.waves[0]).T + self.phases[:3]), axis=1) * 3.0)
        swing = np.sin(points @ self.waves.T + self.phases).sum(axis=1) / np.float32(np.sqrt(len(self.waves)))
        if self.kind == "spots":
            return _step(swing - 0.5)
        if self.kind == "marble":
            return 0.5 + 0.5 * np.sin(points @ self.waves[0] + 2.5 * swing)
        return np.clip(0.5 + 0.5 * swing, 0.0, 1.0)


def draw_pattern(rng: np.random.Generator, strength: float) -> Pattern:
    """Draw a pattern, in the same way for every category. strength: from 0 (none) to 1 (as strong as the colours)."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    directions = rng.normal(size=(_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.exp(rng.uniform(np.log(_SHORTEST_M), np.log(_LONGEST_M), _WAVES))
    phases = rng.uniform(0.0, 2 * np.pi, _WAVES)
    tint = 1.0 + strength * (rng.uniform(0.15, 1.6, 3) - 1.0)
    waves = directions * (2 * np.pi / lengths)[:, None]
    return Pattern(kind, waves.astype(np.float32), phases.astype(np.float32), tint.astype(np.float32))


def _step(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """A square wave from 0 to 1 with soft edges at the zero crossings."""
    return np.clip(0.5 + 2.0 * wave, 0.0, 1.0)


def _upright(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """The wave and two waves of the same length at right angles to it: [3, 3]."""
    length = np.linalg.norm(wave)
    first = wave / length
    second = np.cross(first, np.eye(3, dtype=np.float32)[np.argmin(np.abs(first))])
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)]).astype(np.float32) * length
