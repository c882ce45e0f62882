"""Background pictures for single objects: plain, gradients, stripes, checks, clouds and noise, in any colours."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

KINDS = ("plain", "gradient", "horizon", "stripes", "checks", "clouds", "noise")
PLAIN = np.full(3, 0.5)


def plain_background(size: int) -> NDArray[np.float32]:
    """A uniform gray picture: float32 [size, size, 3], 0.5 everywhere."""
    return np.broadcast_to(PLAIN.astype(np.float32), (size, size, 3))


def draw_background(rng: np.random.Generator, size: int, strength: float = 1.0) -> NDArray[np.float32]:
    """Draw a picture of random kind and colours: float32 [size, size, 3] from 0 to 1.

    strength: how much the colours may differ from gray, from 0 to 1.
    """
    kind = KINDS[int(rng.integers(len(KINDS)))]
    first, second = (PLAIN + strength * (_colour(rng) - PLAIN) for _ in range(2))
    if kind == "plain":
        share = np.zeros((size, size))
    elif kind == "clouds":
        share = _blotches(rng, size, int(rng.integers(3, 9)))
    elif kind == "noise":
        share = np.clip(rng.normal(0.5, rng.uniform(0.1, 0.4), (size, size)), 0.0, 1.0)
    else:
        share = _ruled(kind, rng, size)
    return (first + share[..., None] * (second - first)).astype(np.float32)


def _ruled(kind: str, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """A pattern along one direction, or along two at right angles: [size, size] from 0 to 1."""
    angle = rng.uniform(0.0, np.pi)
    row, column = np.meshgrid(np.linspace(-0.5, 0.5, size), np.linspace(-0.5, 0.5, size), indexing="ij")
    along = np.cos(angle) * column + np.sin(angle) * row
    across = np.cos(angle) * row - np.sin(angle) * column
    if kind == "gradient":
        return np.asarray(np.clip(0.5 + along, 0.0, 1.0))
    if kind == "horizon":
        return np.asarray(np.clip((row - rng.uniform(-0.3, 0.3)) * size / 4, 0.0, 1.0))
    waves, phase = rng.uniform(2.0, 8.0), rng.uniform(0.0, 2 * np.pi)
    wave = np.sin(2 * np.pi * waves * along + phase)
    if kind == "checks":
        wave = wave * np.sin(2 * np.pi * waves * across + phase)
    return np.asarray(np.clip(0.5 + 2.0 * wave, 0.0, 1.0))


def _blotches(rng: np.random.Generator, size: int, cells: int) -> NDArray[np.float64]:
    """Random levels on a coarse grid, interpolated smoothly: [size, size] from 0 to 1."""
    levels = rng.random((cells + 1, cells + 1))
    at = np.linspace(0.0, cells, size, endpoint=False)
    low = at.astype(np.int64)
    share = at - low
    share = share * share * (3.0 - 2.0 * share)
    rows = levels[low] * (1.0 - share)[:, None] + levels[low + 1] * share[:, None]
    return np.asarray(rows[:, low] * (1.0 - share) + rows[:, low + 1] * share)


def _colour(rng: np.random.Generator) -> NDArray[np.float64]:
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.8), rng.uniform(0.15, 1.0)))
