"""Objects that people carry or wear: glasses, guitar, key, umbrella."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, arc, box, cylinder, ellipsoid, join, lathe, prism, ring, tube


def glasses(rng: np.random.Generator) -> list[Part]:
    """Two rims, round or angular, with or without lenses, a bridge, and two temples bent down at the ears."""
    wide, tall = rng.uniform(0.5, 0.65), rng.uniform(0.32, 0.55)
    corners, thick = rng.uniform(0.35, 1.0), rng.uniform(0.045, 0.1)
    gap = rng.uniform(0.1, 0.25)
    has_lenses = rng.random() < 0.5
    angles = np.linspace(0.0, 2 * np.pi, 17)
    outline = np.column_stack([np.cos(angles), np.sin(angles)])
    outline = np.sign(outline) * np.abs(outline) ** corners * [wide, tall]
    parts = []
    length, drop = rng.uniform(1.3, 1.9), rng.uniform(0.15, 0.5)
    high, spread = tall * rng.uniform(0.2, 0.75), rng.uniform(-0.15, 0.15)
    for side in (-1.0, 1.0):
        middle = side * (gap + wide)
        rim = tube(np.column_stack([np.zeros(17), outline]), thick, sides=6)
        parts.append(Part(rim.moved(y=middle), 0))
        if has_lenses:
            lens = prism(outline[:-1], 0.04).turned(x_deg=90, z_deg=90)
            parts.append(Part(lens.moved(y=middle), 1))
        hinge = np.array([0.0, side * (gap + 2 * wide), high])
        ear = hinge + np.array([-length, side * spread, 0.0])
        path = np.array([hinge, ear, ear + np.array([-0.3, 0, -drop])])
        parts.append(Part(tube(path, [thick, thick * 0.9, thick * 1.2], sides=6), 2))
    bridge = np.array([[0, -gap, tall * 0.2], [0.06, 0, tall * 0.4], [0, gap, tall * 0.2]])
    parts.append(Part(tube(bridge, thick * 0.9, sides=6), 0))
    if rng.random() < 0.3:
        bar = np.array([[0, -gap - wide, tall * 0.95], [0, gap + wide, tall * 0.95]])
        parts.append(Part(tube(bar, thick * 0.8, sides=6), 2))
    return parts


def guitar(rng: np.random.Generator) -> list[Part]:
    """A flat body with a waist, a long neck and a head with pegs; the front points to x, the neck up."""
    lower, upper, waist = rng.uniform(0.75, 0.95), rng.uniform(0.55, 0.75), rng.uniform(0.4, 0.5)
    tall, deep = rng.uniform(1.6, 2.0), rng.uniform(0.15, 0.45)
    along = np.linspace(-1.0, 1.0, 11)
    low, high = np.exp(-(((along + 0.5) / 0.5) ** 2)), np.exp(-(((along - 0.55) / 0.4) ** 2))
    half = (waist * 0.6 + (lower - waist * 0.5) * low + (upper - waist * 0.5) * high) * np.sqrt(1.02 - along**2) ** 0.7
    right = np.column_stack([half, along * tall / 2])
    outline = np.concatenate([right, (right * [-1, 1])[::-1]])
    parts = [Part(_facing_front(prism(outline, deep)), 0)]
    long, thin = rng.uniform(1.5, 2.2), rng.uniform(0.09, 0.14)
    begin = tall * rng.uniform(0.15, 0.3)
    neck = box(0.12, 2 * thin, long + tall / 2 - begin).moved(deep / 2, 0, (begin + long + tall / 2) / 2)
    parts.append(Part(neck, 1))
    head, lean = rng.uniform(0.35, 0.55), rng.uniform(0.0, 15.0)
    plate = box(0.1, 3.2 * thin, head, taper=rng.uniform(0.7, 1.3)).moved(z=head / 2).turned(y_deg=-lean)
    parts.append(Part(plate.moved(x=deep / 2, z=long + tall / 2), 2))
    pegs = int(rng.integers(2, 4))
    for place in np.linspace(0.25, 0.8, pegs):
        peg = box(0.06, 5.2 * thin, 0.06).moved(x=deep / 2 - lean * 0.006, z=long + tall / 2 + head * place)
        parts.append(Part(peg, 3))
    if rng.random() < 0.6:
        hole = cylinder(rng.uniform(0.18, 0.28), 0.03, segments=14).turned(y_deg=90)
        parts.append(Part(hole.moved(x=deep / 2 + 0.01, z=tall * 0.05), 3))
    else:
        for place in (-0.05, -0.2):
            parts.append(Part(box(0.08, 0.4, 0.1).moved(x=deep / 2, z=tall * place), 3))
    parts.append(Part(box(0.08, 0.5, 0.09).moved(x=deep / 2 + 0.03, z=-tall * rng.uniform(0.28, 0.36)), 2))
    return parts


def key(rng: np.random.Generator) -> list[Part]:
    """A bow (a ring, three rings or a plate with a hole) on a shaft with teeth at its lower end."""
    long, thin = rng.uniform(1.6, 2.6), rng.uniform(0.09, 0.15)
    parts = [Part(cylinder(thin, long, segments=10), 0)]
    bow, thick = rng.uniform(0.4, 0.6), rng.uniform(0.09, 0.16)
    top, kind = long / 2 + bow * 0.85, int(rng.integers(3))
    if kind == 0:
        parts.append(Part(_facing_front(ring(bow, thick).scaled(1.0, rng.uniform(0.75, 1.2), 1.0)).moved(z=top), 1))
    elif kind == 1:
        for place in ((0.0, 0.55), (-0.45, -0.1), (0.45, -0.1)):
            leaf = _facing_front(ring(bow * 0.48, thick * 0.8, segments=14))
            parts.append(Part(leaf.moved(y=place[0] * bow * 1.2, z=top + place[1] * bow), 1))
    else:
        angles = np.linspace(0.0, 2 * np.pi, 9)
        frame = np.column_stack([np.zeros(9), bow * 1.1 * np.cos(angles), bow * np.sin(angles)])
        parts.append(Part(tube(frame, thick * 1.4, sides=6).moved(z=top), 1))
    parts.append(Part(_facing_front(ring(thin, thin * 0.9, segments=10).turned(x_deg=90)).moved(z=long * 0.38), 2))
    teeth, side = int(rng.integers(2, 5)), 1.0
    low, high = -long / 2 + 0.05, -long / 2 + rng.uniform(0.5, 0.8)
    for place in np.linspace(low, high, teeth):
        reach = rng.uniform(0.3, 0.6)
        parts.append(Part(box(thin, reach, 0.5 / teeth).moved(y=side * reach / 2, z=place), 0))
    if rng.random() < 0.3:
        parts.append(Part(box(thin, 0.4, 0.12).moved(y=-0.2, z=low), 0))
    return parts


def umbrella(rng: np.random.Generator) -> list[Part]:
    """A canopy of several panels, wide open or half closed, on a shaft that ends in a hook or a knob."""
    panels, spread = int(rng.integers(6, 10)), rng.uniform(0.65, 1.5)
    tall = rng.uniform(0.45, 0.9) if spread > 1.0 else rng.uniform(0.9, 1.4)
    steps = np.linspace(0.0, 1.0, 5)
    bulge = rng.uniform(0.5, 0.8)
    outside = np.column_stack([spread * steps**bulge, -tall * steps])[::-1]
    inside = (outside - [0.0, 0.06])[::-1]
    canopy = lathe(np.concatenate([outside, inside, outside[:1]]), segments=panels)
    parts = [Part(canopy, 0)]
    long, thin = tall + rng.uniform(0.5, 1.3), rng.uniform(0.045, 0.075)
    shaft = tube(np.array([[0, 0, rng.uniform(0.1, 0.35)], [0, 0, -long]]), thin, sides=6)
    parts.append(Part(shaft, 1))
    if rng.random() < 0.65:
        bend = rng.uniform(0.15, 0.28)
        hook = arc(bend, 180, 360, points=8) + np.array([bend, 0, -long])
        parts.append(Part(tube(hook, thin * 1.8, sides=8), 2))
    else:
        parts.append(Part(ellipsoid(0.13, 0.13, 0.2, rings=6, segments=10).moved(z=-long - 0.1), 2))
    if rng.random() < 0.5:
        ribs = []
        for panel in range(panels):
            outward = np.array([np.cos(2 * np.pi * panel / panels), np.sin(2 * np.pi * panel / panels), 0.0])
            path = np.array([[0, 0, -tall * 1.05], outward * spread * 0.55 + [0, 0, -tall * 0.5]])
            ribs.append(tube(path, 0.025, sides=4))
        parts.append(Part(join(ribs), 1))
    return parts


def _facing_front(mesh: Mesh) -> Mesh:
    """Turn a mesh from the x-y plane into the y-z plane: x becomes y, y becomes z."""
    return mesh.turned(x_deg=90, z_deg=90)
