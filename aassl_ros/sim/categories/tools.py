"""Handheld objects: hammer, dumbbell, headphones, scissors."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import arc, box, cylinder, ellipsoid, lathe, prism, ring, tube


def hammer(rng: np.random.Generator) -> list[Part]:
    """A long handle with a head across its end: a round face, and a peen, a claw or a second face."""
    length, thick = rng.uniform(2.2, 3.4), rng.uniform(0.12, 0.2)
    parts = [Part(cylinder(thick * rng.uniform(0.9, 1.3), length, top=thick * 0.8, segments=10), 0)]
    parts.append(Part(cylinder(thick * 1.3, length * rng.uniform(0.3, 0.45), segments=10).moved(z=-length * 0.33), 1))
    block, face = rng.uniform(0.35, 0.6), rng.uniform(0.22, 0.36)
    top = length / 2
    parts.append(Part(box(block, face * 1.5, face * 1.5).moved(z=top), 2))
    reach = rng.uniform(0.35, 0.7)
    front = cylinder(face, reach, segments=14).turned(y_deg=90).moved(x=block / 2 + reach / 2, z=top)
    parts.append(Part(front, 2))
    kind = rng.integers(3)
    back = -block / 2 - reach / 2
    if kind == 0:
        parts.append(Part(cylinder(face, reach, segments=14).turned(y_deg=90).moved(x=back, z=top), 2))
    elif kind == 1:
        wedge = cylinder(face, reach * 1.3, top=0.05, segments=14).turned(y_deg=-90)
        parts.append(Part(wedge.moved(x=back - 0.1, z=top), 2))
    else:
        for side in (-1.0, 1.0):
            path = [[-block / 2, 0, top], [back, side * 0.1, top - 0.05], [back - reach / 2, side * 0.22, top - 0.35]]
            parts.append(Part(tube(np.array(path), [0.2, 0.14, 0.06], sides=6), 2))
    return parts


def dumbbell(rng: np.random.Generator) -> list[Part]:
    """A bar with equal weights at both ends: discs, balls or blocks."""
    grip, thick = rng.uniform(1.0, 2.2), rng.uniform(0.1, 0.18)
    parts = [Part(cylinder(thick, grip + 0.4, segments=10).turned(y_deg=90), 0)]
    radius, kind = rng.uniform(0.5, 0.85), rng.integers(3)
    for side in (-1.0, 1.0):
        end = side * grip / 2
        if kind == 0:
            discs = int(rng.integers(1, 4)) if side < 0 else len(parts) - 1
            for disc in range(discs):
                width = cylinder(radius * 0.8**disc, 0.22, segments=18).turned(y_deg=90)
                parts.append(Part(width.moved(x=end + side * 0.24 * (disc + 0.5)), 1 + disc % 2))
        elif kind == 1:
            parts.append(Part(ellipsoid(radius * 0.9, radius, radius).moved(x=end + side * radius * 0.7), 1))
        else:
            block = cylinder(radius, radius * 1.3, segments=6).turned(y_deg=90)
            parts.append(Part(block.moved(x=end + side * radius * 0.65), 1))
    return parts


def headphones(rng: np.random.Generator) -> list[Part]:
    """A headband with a cup at each end, sometimes with a microphone."""
    wide, high = rng.uniform(0.85, 1.1), rng.uniform(0.9, 1.4)
    band = arc(1.0, -5, 185, points=14)[:, [1, 0, 2]] * [1.0, wide, high]
    strip = rng.uniform(0.06, 0.12)
    parts = [Part(tube(band, strip).scaled(rng.uniform(1.0, 2.2), 1.0, 1.0), 0)]
    cup, deep = rng.uniform(0.35, 0.6), rng.uniform(0.2, 0.45)
    drop, oval = rng.uniform(0.1, 0.35), rng.uniform(1.0, 1.4)
    for side in (-1.0, 1.0):
        shell = lathe([(0.0, 0.0), (cup, 0.0), (cup, deep / 2), (cup * 0.7, deep), (0.0, deep)], segments=16)
        pad = cylinder(cup * 0.85, 0.2, segments=16).moved(z=-0.1)
        for mesh, group in ((shell, 1), (pad, 2)):
            placed = mesh.scaled(1.0, oval, 1.0).turned(x_deg=-90 * side)
            parts.append(Part(placed.moved(y=side * wide * 0.95, z=-drop), group))
    if rng.random() < 0.35:
        boom = np.array([[0.1, wide, -drop - 0.2], [0.7, wide, -drop - 0.5], [1.0, wide * 0.6, -drop - 0.6]])
        parts.append(Part(tube(boom, 0.05, sides=6), 0))
        parts.append(Part(ellipsoid(0.13, 0.13, 0.1, rings=5, segments=8).moved(1.0, wide * 0.6, -drop - 0.6), 2))
    return parts


def scissors(rng: np.random.Generator) -> list[Part]:
    """Two blades that cross at a screw, open by some angle, each with a ring for the fingers."""
    blade, handle = rng.uniform(1.1, 1.9), rng.uniform(0.5, 0.9)
    broad, thick = rng.uniform(0.13, 0.24), rng.uniform(0.06, 0.12)
    loop, bar, oval = rng.uniform(0.26, 0.4), rng.uniform(0.06, 0.11), rng.uniform(1.0, 1.5)
    opening = rng.uniform(8.0, 35.0)
    is_blunt = rng.random() < 0.3
    parts = []
    for side in (-1.0, 1.0):
        tip = broad * (0.6 if is_blunt else 0.05)
        outline = [[-broad / 2, -0.15], [broad / 2, -0.15], [broad / 2, blade * 0.5], [broad / 2, blade]]
        outline += [[broad / 2 - tip, blade], [-broad / 2, blade * 0.5]]
        # Drawn for one side; the other side is rotated by half a turn about the long axis.
        metal = prism(np.array(outline), thick).moved(z=thick / 2).turned(x_deg=90, z_deg=90 if side > 0 else -90)
        metal = metal.turned(x_deg=side * opening)
        shank = tube(np.array([[0, 0, 0], [0, -side * 0.08, -handle]]), bar * 1.1, sides=6)
        finger = ring(loop, bar, segments=16).scaled(oval, 1.0, 1.0).turned(y_deg=90)
        grip = finger.moved(y=-side * loop * 0.95, z=-handle - loop * oval * 0.9)
        parts.append(Part(metal, 0))
        parts += [Part(mesh.turned(x_deg=side * opening).moved(x=side * thick / 2), 1) for mesh in (shank, grip)]
    parts.append(Part(cylinder(broad * 0.35, thick * 3, segments=10).turned(y_deg=90), 2))
    return parts
