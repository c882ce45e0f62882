"""Kitchen objects: mug, bottle, bowl, pan, teapot."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import arc, box, cylinder, ellipsoid, lathe, tube


def mug(rng: np.random.Generator) -> list[Part]:
    """A hollow cup, straight, tapered or bulging, with one handle."""
    radius, height = 1.0, rng.uniform(1.5, 2.8)
    foot, belly = rng.uniform(0.7, 1.1), rng.uniform(0.95, 1.2)
    wall = rng.uniform(0.07, 0.13)
    outside = [(foot, 0.0), (belly, height / 2), (radius, height)]
    inside = [(radius - wall, height), (belly - wall, height / 2), (foot - wall, wall)]
    parts = [Part(lathe([(0.0, 0.0), *outside, *inside, (0.0, wall)]), 0)]
    reach, rise = rng.uniform(0.45, 0.8), height * rng.uniform(0.28, 0.38)
    bend = arc(1.0, -90, 90, points=9) if rng.random() < 0.7 else _square_bend()
    handle = bend * [reach, 1.0, rise] + [belly * 0.95, 0.0, height * rng.uniform(0.45, 0.55)]
    parts.append(Part(tube(handle, rng.uniform(0.09, 0.16)), 1))
    if rng.random() < 0.4:
        band = belly * 1.0 + 0.03
        parts.append(Part(cylinder(band, height * rng.uniform(0.1, 0.25), segments=20).moved(z=height / 2), 2))
    return parts


def bottle(rng: np.random.Generator) -> list[Part]:
    """A body with shoulder, neck and cap."""
    height, neck = rng.uniform(2.0, 3.8), rng.uniform(0.2, 0.38)
    shoulder, length = rng.uniform(0.2, 0.9), rng.uniform(0.4, 1.3)
    waist = rng.uniform(0.72, 1.05)
    profile = [(0.0, 0.0), (0.95, 0.0), (1.0, 0.1), (waist, height / 2), (1.0, height)]
    profile += [(0.6 + neck / 3, height + shoulder * 0.6), (neck, height + shoulder)]
    top = height + shoulder + length
    profile += [(neck, top), (0.0, top)]
    parts = [Part(lathe(profile), 0)]
    parts.append(Part(cylinder(neck * 1.25, rng.uniform(0.2, 0.5), segments=14).moved(z=top), 1))
    if rng.random() < 0.6:
        label = height * rng.uniform(0.2, 0.4)
        parts.append(Part(cylinder(1.02, label).moved(z=height * rng.uniform(0.55, 0.75)), 2))
    return parts


def bowl(rng: np.random.Generator) -> list[Part]:
    """A hollow shell, wider than high, on a base."""
    depth, power = rng.uniform(0.45, 0.9), rng.uniform(0.45, 0.9)
    wall = rng.uniform(0.05, 0.1)
    steps = np.linspace(0.0, 1.0, 8)
    radii = 0.3 + 0.7 * steps**power
    outside = np.column_stack([radii, depth * steps])
    inside = np.column_stack([radii - wall, depth * steps + wall * (1.0 - steps)])[::-1]
    parts = [Part(lathe(np.concatenate([[(0.0, 0.0)], outside, inside, [(0.0, wall)]]), segments=24), 0)]
    foot = rng.uniform(0.06, 0.3)
    parts.append(Part(cylinder(rng.uniform(0.3, 0.55), foot, top=0.3).moved(z=-foot / 2 + 0.02), 1))
    if rng.random() < 0.5:
        edge = rng.uniform(0.03, 0.08)
        parts.append(Part(lathe(_ring(1.0 - wall / 2, edge, depth), segments=24), 2))
    return parts


def pan(rng: np.random.Generator) -> list[Part]:
    """A flat round dish with one long handle."""
    depth, flare = rng.uniform(0.2, 0.6), rng.uniform(0.75, 1.0)
    wall = 0.06
    profile = [(0.0, 0.0), (flare, 0.0), (1.0, depth), (1.0 - wall, depth), (flare - wall, wall), (0.0, wall)]
    parts = [Part(lathe(profile, segments=24), 0)]
    length, lift = rng.uniform(1.2, 2.2), rng.uniform(-0.05, 0.5)
    path = np.array(
        [[0.95, 0, depth * 0.8], [0.95 + length / 2, 0, depth + lift * 0.6], [0.95 + length, 0, depth + lift]]
    )
    parts.append(Part(tube(path, [0.07, rng.uniform(0.09, 0.15), rng.uniform(0.08, 0.16)]), 1))
    if rng.random() < 0.3:
        lid = rng.uniform(0.1, 0.25)
        parts.append(Part(cylinder(0.98, lid, top=0.3, segments=24).moved(z=depth + lid / 2), 2))
        parts.append(Part(ellipsoid(0.12, 0.12, 0.12, rings=5, segments=8).moved(z=depth + lid + 0.1), 1))
    return parts


def teapot(rng: np.random.Generator) -> list[Part]:
    """A round body with spout, handle and lid."""
    height, flat = rng.uniform(0.65, 1.15), rng.uniform(0.75, 1.0)
    steps = np.linspace(-0.9, 0.9, 9)
    body = np.column_stack([np.sqrt(1.0 - steps**2) ** flat, steps * height])
    parts = [Part(lathe(np.concatenate([[(0.0, -0.9 * height)], body, [(0.0, 0.9 * height)]])), 0)]
    lid = rng.uniform(0.1, 0.3)
    parts.append(Part(cylinder(0.5, lid, top=0.25).moved(z=0.9 * height + lid / 2), 1))
    knob = rng.uniform(0.1, 0.18)
    parts.append(Part(ellipsoid(knob, knob, knob, rings=6, segments=10).moved(z=0.9 * height + lid + knob * 0.7), 2))
    reach, top = rng.uniform(0.6, 1.0), height * rng.uniform(0.5, 1.0)
    spout = np.array([[0.7, 0, -0.3 * height], [0.85 + reach / 2, 0, 0.0], [0.9 + reach, 0, top]])
    parts.append(Part(tube(spout, [0.3, 0.2, 0.12]), 0))
    if rng.random() < 0.7:
        handle = arc(1.0, 90, 270) * [rng.uniform(0.5, 0.8), 1.0, height * rng.uniform(0.45, 0.65)] - [0.85, 0, 0]
    else:
        handle = arc(1.0, 20, 160) * [0.8, 1.0, rng.uniform(0.9, 1.3)] + [0, 0, 0.6 * height]
    parts.append(Part(tube(handle, rng.uniform(0.08, 0.13)), 1))
    if rng.random() < 0.4:
        parts.append(Part(box(1.2, 1.2, 0.12).moved(z=-0.93 * height), 2))
    return parts


def _square_bend() -> np.ndarray:
    """A handle with two corners, in the x-z plane, from (0, -1) to (0, 1)."""
    return np.array([[0, 0, -1.0], [0.85, 0, -1.0], [1, 0, -0.8], [1, 0, 0.8], [0.85, 0, 1.0], [0, 0, 1.0]])


def _ring(radius: float, thickness: float, level: float) -> np.ndarray:
    """A closed round profile, which gives a ring if it is turned about the axis."""
    angles = np.linspace(0.0, 2 * np.pi, 7)
    return np.column_stack([radius + thickness * np.cos(angles), level + thickness * np.sin(angles)])
