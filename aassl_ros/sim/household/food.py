"""Fruit and vegetables, and the toys of the household set: banana, apple, pear, carrot, ball, dice and duck."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, arc, box, cushion, cylinder, ellipsoid, lathe, prism, ring, tube


def banana(rng: np.random.Generator) -> list[Part]:
    """One to three bent fruits, thin at both ends, with a dark tip and a stalk."""
    fruits, bend = int(rng.integers(1, 4)), rng.uniform(70, 140)
    thick = rng.uniform(0.17, 0.28)
    parts = []
    for fruit in range(fruits):
        path = arc(1.0, 90 - bend / 2, 90 + bend / 2, points=11)
        swell = np.sin(np.linspace(0.12, np.pi - 0.12, 11)) ** 0.5 * thick
        turn = {"x_deg": 24.0 * (fruit - (fruits - 1) / 2), "z_deg": 0.0}
        parts.append(Part(tube(path, swell, sides=6).turned(**turn), 0))
        along = (path[-1] - path[-2]) / np.linalg.norm(path[-1] - path[-2])
        stalk = np.array([path[-1], path[-1] + along * rng.uniform(0.15, 0.35)])
        parts.append(Part(tube(stalk, [0.09, 0.06], sides=6).turned(**turn), 1))
        tip = np.array([path[0], path[0] + (path[0] - path[1]) * 0.25])
        parts.append(Part(tube(tip, [0.07, 0.04], sides=6).turned(**turn), 1))
    return parts


def apple(rng: np.random.Generator) -> list[Part]:
    """A round fruit with a hollow at its stalk, sometimes with a leaf."""
    tall, low = rng.uniform(0.8, 1.1), rng.uniform(0.75, 0.95)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    radius = np.cos(angle) ** 0.75 * (low + (1.0 - low) * (angle + np.pi / 2) / np.pi)
    level = np.sin(angle) * tall - 0.32 * np.exp(-(((angle - np.pi / 2) / 0.3) ** 2))
    level = level + 0.14 * np.exp(-(((angle + np.pi / 2) / 0.25) ** 2))
    radius[[0, -1]] = 0.0
    parts = [Part(lathe(np.column_stack([radius, level]), segments=22), 0)]
    top = tall - 0.34
    lean = rng.uniform(-0.2, 0.2)
    parts.append(
        Part(tube(np.array([[0, 0, top], [lean / 2, 0, top + 0.3], [lean, 0, top + 0.55]]), 0.045, sides=6), 1)
    )
    if rng.random() < 0.6:
        parts.append(Part(_leaf(rng).moved(lean / 2, 0, top + 0.35), 2))
    return parts


def pear(rng: np.random.Generator) -> list[Part]:
    """A fruit with a broad lower end and a thin neck, on a stalk."""
    tall, neck, waist = rng.uniform(2.0, 2.9), rng.uniform(0.28, 0.5), rng.uniform(0.45, 0.6)
    share = np.linspace(0.0, 1.0, 14)
    belly = np.sqrt(np.clip(1.0 - ((share - 0.34) / 0.36) ** 2, 0, None))
    throat = neck * np.sqrt(np.clip(1.0 - ((share - waist) / (1.0 - waist)) ** 6, 0, None)) * (share > 0.34)
    radius = np.maximum(belly, throat)
    radius[[0, -1]] = 0.0
    parts = [Part(lathe(np.column_stack([radius, share * tall]), segments=20), 0)]
    lean = rng.uniform(-0.3, 0.3)
    stalk = np.array([[0, 0, tall - 0.05], [lean * 0.3, 0, tall + 0.25], [lean, 0, tall + rng.uniform(0.4, 0.7)]])
    parts.append(Part(tube(stalk, 0.05, sides=6), 1))
    if rng.random() < 0.4:
        parts.append(Part(_leaf(rng).moved(lean * 0.3, 0, tall + 0.2), 2))
    return parts


def carrot(rng: np.random.Generator) -> list[Part]:
    """A long cone with a bunch of leaves at its thick end, or cut short."""
    length, thick, bend = rng.uniform(2.0, 3.4), rng.uniform(0.28, 0.5), rng.uniform(-0.3, 0.3)
    along = np.linspace(0.0, 1.0, 9)
    path = np.column_stack([bend * along**2, 0 * along, -length * along])
    blunt = rng.uniform(0.6, 1.1)
    parts = [Part(tube(path, thick * np.maximum((1.0 - along) ** blunt, 0.04), sides=12), 0)]
    for level in [rng.uniform(0.1, 0.75) for _ in range(5)]:
        where = [bend * level**2, 0, -length * level]
        parts.append(Part(ring(thick * (1 - level) ** blunt, 0.02, segments=12).moved(*where), 0))
    leaves = int(rng.integers(3, 8))
    tall = rng.uniform(0.5, 1.6)
    for leaf in range(leaves):
        angle, lean = 2 * np.pi * leaf / leaves, rng.uniform(0.1, 0.5)
        out = np.array([np.cos(angle) * lean, np.sin(angle) * lean, 1.0]) * tall
        stem = np.array([[0, 0, -0.05], out * 0.5, out])
        parts.append(Part(tube(stem, [0.06, 0.05, rng.uniform(0.05, 0.16)], sides=5), 1))
    return parts


def ball(rng: np.random.Generator) -> list[Part]:
    """A ball: smooth, with seams, or oval as for rugby."""
    oval = rng.uniform(1.3, 1.7) if rng.random() < 0.2 else 1.0
    parts = [Part(ellipsoid(1.0, 1.0, oval, rings=17, segments=26), 0)]
    for seam in range(int(rng.integers(0, 4))):
        band = (
            ring(1.0, 0.03, segments=26).turned(x_deg=90, z_deg=60.0 * seam) if seam else ring(1.0, 0.03, segments=26)
        )
        parts.append(Part(band.scaled(1.0, 1.0, oval if seam else 1.0), 1))
    return parts


def dice(rng: np.random.Generator) -> list[Part]:
    """A cube with rounded or sharp edges and one to six pips on its faces."""
    body = box(2.0, 2.0, 2.0) if rng.random() < 0.4 else cushion(2.1, 2.1, 2.1, roundness=rng.uniform(0.2, 0.32))
    parts = [Part(body, 0)]
    size, apart = rng.uniform(0.16, 0.24), rng.uniform(0.42, 0.55)
    order = np.roll(np.arange(6), int(rng.integers(6))) + 1
    turns = [(0, 0), (180, 0), (90, 0), (-90, 0), (0, 90), (0, -90)]
    spots = {1: [(0, 0)], 2: [(-1, -1), (1, 1)], 3: [(-1, -1), (0, 0), (1, 1)]}
    spots[4] = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    spots[5], spots[6] = [*spots[4], (0, 0)], [*spots[4], (-1, 0), (1, 0)]
    for count, (x, y) in zip(order, turns, strict=True):
        for place in spots[int(count)]:
            pip = cylinder(size, 0.06, segments=10).moved(place[0] * apart, place[1] * apart, 1.03)
            parts.append(Part(pip.turned(x_deg=x, y_deg=y), 1))
    return parts


def duck(rng: np.random.Generator) -> list[Part]:
    """A bath duck: round body with raised tail, head, beak and eyes."""
    long, wide, tall = rng.uniform(1.0, 1.4), rng.uniform(0.7, 0.95), rng.uniform(0.55, 0.8)
    parts = [Part(ellipsoid(long, wide, tall, rings=11, segments=18), 0)]
    tail = np.array([[-long * 0.6, 0, tall * 0.2], [-long * 1.0, 0, tall * 0.6], [-long * 1.15, 0, tall * 1.1]])
    parts.append(Part(tube(tail, [0.45, 0.3, 0.08], sides=8), 0))
    head, fore, up = rng.uniform(0.45, 0.65), long * rng.uniform(0.4, 0.65), tall + rng.uniform(0.15, 0.4)
    parts.append(Part(ellipsoid(head, head, head, rings=11, segments=16).moved(x=fore, z=up), 0))
    parts.append(Part(cylinder(head * 0.8, up - tall * 0.3, segments=14).moved(x=fore, z=(up + tall * 0.3) / 2), 0))
    bill = cushion(rng.uniform(0.4, 0.75), head * 0.9, head * 0.4, roundness=0.7)
    parts.append(Part(bill.moved(x=fore + head * 1.1, z=up - head * 0.15), 1))
    for side in (-1.0, 1.0):
        eye = ellipsoid(0.09, 0.09, 0.11, rings=6, segments=8)
        parts.append(Part(eye.moved(fore + head * 0.72, side * head * 0.62, up + head * 0.25), 2))
        wing = ellipsoid(long * 0.5, 0.16, tall * 0.45, rings=7, segments=12).turned(y_deg=12)
        parts.append(Part(wing.moved(-long * 0.1, side * wide * 0.92, tall * 0.15), 0))
    if rng.random() < 0.25:
        hat = cylinder(head * 0.75, head * 0.6, segments=14)
        parts.append(Part(hat.moved(x=fore, z=up + head * 1.05), 1))
    return parts


def _leaf(rng: np.random.Generator) -> Mesh:
    """A flat pointed leaf that starts at the origin."""
    long, wide = rng.uniform(0.45, 0.8), rng.uniform(0.12, 0.22)
    outline = [[0, 0], [long * 0.4, -wide], [long, 0], [long * 0.4, wide]]
    return prism(np.array(outline), 0.04).moved(z=0.02).turned(y_deg=-rng.uniform(10, 40), z_deg=rng.uniform(0, 360))
