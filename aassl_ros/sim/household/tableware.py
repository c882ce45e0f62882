"""Things on a table: can, jar, wine glass, plate, spoon, fork, candle, tube and spray bottle."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, arc, box, cylinder, ellipsoid, lathe, prism, ring, tube


def can(rng: np.random.Generator) -> list[Part]:
    """A metal can: straight sides, rims at both ends, a lid with a ring pull."""
    height = rng.uniform(1.3, 3.6)
    neck = rng.uniform(0.75, 0.98)
    low, high = 0.12, height - rng.uniform(0.1, 0.3)
    parts = [Part(lathe([(0.0, low), (1.0, low), (1.0, high), (0.0, high)], segments=28), 0)]
    parts.append(Part(lathe([(0.0, 0.0), (0.85, 0.0), (1.0, low)], segments=28), 1))
    lid = [(1.0, high), (neck, height), (neck - 0.07, height), (neck - 0.1, height - 0.08), (0.0, height - 0.08)]
    parts.append(Part(lathe(lid, segments=28), 1))
    if rng.random() < 0.7:
        pull = ring(0.22, 0.05, segments=12).scaled(1.4, 1.0, 1.0).moved(x=rng.uniform(0.0, 0.25), z=height - 0.04)
        parts.append(Part(pull, 1))
    if rng.random() < 0.4:
        for level in np.linspace(0.35, 0.65, int(rng.integers(2, 5))):
            parts.append(Part(ring(1.0, 0.035, segments=28).moved(z=low + (high - low) * level), 0))
    return parts


def jar(rng: np.random.Generator) -> list[Part]:
    """A wide body with a short neck and a broad screw lid, sometimes with a bail or a knob."""
    height, neck = rng.uniform(1.2, 2.3), rng.uniform(0.65, 0.9)
    belly = rng.uniform(0.98, 1.2)
    profile = [(0.0, 0.0), (0.9, 0.0), (1.0, 0.12), (belly, height / 2), (1.0, height), (neck, height + 0.2)]
    parts = [Part(lathe([*profile, (neck, height + 0.3), (0.0, height + 0.3)], segments=24), 0)]
    lid = rng.uniform(0.22, 0.45)
    cover = cylinder(neck + 0.1, lid, top=neck + rng.uniform(-0.05, 0.1), segments=24)
    parts.append(Part(cover.moved(z=height + 0.3 + lid / 2), 1))
    kind = int(rng.integers(3))
    if kind == 1:
        parts.append(Part(ellipsoid(0.2, 0.2, 0.2, rings=7, segments=12).moved(z=height + 0.42 + lid), 1))
    elif kind == 2:
        bail = arc(1.0, -10, 190, points=10) * [neck + 0.2, 1.0, 0.55] + [0, 0, height + 0.25]
        parts.append(Part(tube(bail, 0.045, sides=6), 2))
    return parts


def wine_glass(rng: np.random.Generator) -> list[Part]:
    """A bowl on a thin stem with a round foot."""
    deep, wide, stem = rng.uniform(0.9, 1.8), rng.uniform(0.65, 1.0), rng.uniform(0.5, 1.6)
    mouth = wide * rng.uniform(0.7, 1.15)
    outside = [(0.07, stem), (wide * 0.75, stem + deep * 0.18), (wide, stem + deep * 0.45), (mouth, stem + deep)]
    inside = [(r - 0.06, z + 0.04 * (1 - n / 3)) for n, (r, z) in enumerate(outside)][:0:-1]
    parts = [Part(lathe([*outside, *inside, (0.0, stem + 0.12)], segments=24), 0)]
    foot = rng.uniform(0.6, 0.85)
    base = [(0.0, 0.0), (foot, 0.0), (foot, 0.04), (0.12, 0.12), (0.07, 0.25), (0.07, stem + 0.05), (0.0, stem + 0.05)]
    parts.append(Part(lathe(base, segments=20), 0))
    if rng.random() < 0.4:
        parts.append(Part(ellipsoid(0.14, 0.14, 0.14, rings=7, segments=10).moved(z=stem * 0.6), 1))
    return parts


def plate(rng: np.random.Generator) -> list[Part]:
    """A flat round or angular dish with a rim."""
    sides = 28 if rng.random() < 0.75 else int(rng.integers(4, 9))
    rim, lift, flat = rng.uniform(0.12, 0.4), rng.uniform(0.08, 0.28), 0.05
    well = 1.0 - rim
    profile = [(0.0, 0.0), (well * 0.8, 0.0), (well, 0.05), (1.0, lift), (1.0, lift + flat), (well, 0.12)]
    parts = [Part(lathe([*profile, (well * 0.8, flat), (0.0, flat)], segments=sides), 0)]
    oval = rng.uniform(1.0, 1.5) if rng.random() < 0.3 else 1.0
    if rng.random() < 0.5:
        edge = lathe([(0.96, lift + flat), (1.01, lift), (1.01, lift + 0.07), (0.96, lift + 0.07)], segments=sides)
        parts.append(Part(edge, 1))
    return [Part(part.mesh.scaled(oval, 1.0, 1.0), part.group) for part in parts]


def spoon(rng: np.random.Generator) -> list[Part]:
    """A shallow oval bowl at the end of a long handle, which is flat, round or broad at its end."""
    length, long, wide = rng.uniform(1.6, 3.0), rng.uniform(0.4, 0.65), rng.uniform(0.28, 0.42)
    deep = rng.uniform(0.1, 0.22)
    steps = np.linspace(0.0, 1.0, 6)
    outside = np.column_stack([np.sqrt(steps), -deep * (1 - steps)])
    inside = np.column_stack([np.sqrt(steps) * 0.9, -deep * (1 - steps) + 0.05])[::-1]
    dish = lathe(np.concatenate([outside, inside]), segments=20).scaled(long, wide, 1.0)
    return [Part(dish, 0), Part(_cutlery_handle(rng, length).moved(x=-long * 0.95), 1)]


def fork(rng: np.random.Generator) -> list[Part]:
    """Two to four tines on a shoulder, at the end of a long handle."""
    length, tines = rng.uniform(1.6, 2.8), int(rng.integers(2, 5))
    wide, long = rng.uniform(0.2, 0.34), rng.uniform(0.5, 0.9)
    rise = rng.uniform(0.05, 0.2)
    outline = [[-0.45, -0.06], [-0.15, -wide], [0.0, -wide], [0.0, wide], [-0.15, wide], [-0.45, 0.06]]
    parts = [Part(prism(np.array(outline), 0.07), 0)]
    for place in np.linspace(-wide + 0.04, wide - 0.04, tines):
        path = np.array([[-0.05, place, 0.0], [long * 0.6, place, rise], [long, place * 0.95, rise * 0.8]])
        parts.append(Part(tube(path, [0.045, 0.045, 0.02], sides=6), 0))
    return [*parts, Part(_cutlery_handle(rng, length).moved(x=-0.42), 1)]


def candle(rng: np.random.Generator) -> list[Part]:
    """A stick or pillar of wax with a wick, bare, in a holder with a saucer, or in a stand."""
    height, thick = rng.uniform(1.2, 3.0), rng.uniform(0.18, 0.7)
    top = thick * rng.uniform(0.75, 1.0)
    parts = [
        Part(lathe([(0.0, 0.0), (thick, 0.0), (top, height), (top * 0.8, height + 0.03), (0.0, height - 0.05)]), 0)
    ]
    parts.append(
        Part(tube(np.array([[0, 0, height - 0.1], [0, 0, height + 0.15], [0.06, 0, height + 0.28]]), 0.035), 2)
    )
    for _ in range(int(rng.integers(1, 5))):
        angle, long = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        drip = ellipsoid(0.07, 0.07, long / 2, rings=6, segments=8)
        parts.append(Part(drip.moved(top * np.cos(angle), top * np.sin(angle), height - long / 2), 0))
    kind = int(rng.integers(3))
    if kind == 1:
        dish = thick + rng.uniform(0.4, 0.7)
        profile = [(0.0, -0.1), (dish * 0.8, -0.1), (dish, 0.12), (dish - 0.06, 0.12), (dish * 0.75, 0.0), (0.0, 0.0)]
        parts.append(Part(lathe(profile, segments=22), 1))
        parts.append(Part(ring(0.24, 0.05, segments=14).turned(x_deg=90).moved(x=dish + 0.18), 1))
    elif kind == 2:
        stand = [(0.0, -0.9), (thick + 0.35, -0.9), (0.15, -0.7), (0.12, -0.3), (thick + 0.1, 0.0), (0.0, 0.02)]
        parts.append(Part(lathe(stand), 1))
    return parts


def squeeze_tube(rng: np.random.Generator) -> list[Part]:
    """A tube of paste: round at the cap, flat at the other end."""
    length, wide = rng.uniform(1.8, 3.2), rng.uniform(0.4, 0.65)
    steps = np.linspace(0.0, 1.0, 7)
    parts = [Part(_flattened(lathe(np.column_stack([np.full(7, wide), length * steps]), segments=20), length, wide), 0)]
    seam = rng.uniform(0.12, 0.3)
    parts.append(Part(box(0.07, np.pi * wide * 0.98, seam).moved(z=length + seam / 2 - 0.03), 0))
    cap, thick = rng.uniform(0.25, 0.6), rng.uniform(0.5, 1.0) * wide
    parts.append(Part(lathe([(0.0, -0.15), (thick * 0.8, -0.15), (wide, 0.0)]), 0))
    parts.append(Part(cylinder(thick * rng.uniform(0.7, 1.0), cap, top=thick, segments=14).moved(z=-0.15 - cap / 2), 1))
    return parts


def spray_bottle(rng: np.random.Generator) -> list[Part]:
    """A bottle with a pistol head: nozzle forward, trigger below it."""
    height, deep = rng.uniform(1.6, 2.6), rng.uniform(0.55, 1.0)
    profile = [(0.0, 0.0), (0.75, 0.0), (0.8, 0.1), (rng.uniform(0.6, 0.85), height * 0.55), (0.7, height * 0.75)]
    profile += [(0.28, height), (0.25, height + 0.25), (0.0, height + 0.25)]
    parts = [Part(lathe(profile, segments=20).scaled(deep, 1.0, 1.0), 0)]
    parts.append(Part(cylinder(0.32, 0.28, segments=14).moved(z=height + 0.3), 1))
    long = rng.uniform(0.9, 1.4)
    parts.append(Part(box(long, 0.34, 0.36, taper=rng.uniform(0.6, 0.95)).moved(x=long * 0.2, z=height + 0.6), 1))
    tip = long * 0.7
    parts.append(Part(cylinder(0.13, 0.22, segments=10).turned(y_deg=90).moved(x=tip + 0.08, z=height + 0.62), 2))
    trigger = np.array([[tip * 0.65, 0, height + 0.5], [tip * 0.75, 0, height + 0.2], [tip * 0.5, 0, height - 0.25]])
    return [*parts, Part(tube(trigger, [0.09, 0.1, 0.07], sides=6), 2)]


def _cutlery_handle(rng: np.random.Generator, length: float) -> Mesh:
    """A handle from the origin along -x: flat and broader at its end, or round."""
    bend = rng.uniform(0.0, 0.3)
    path = np.array([[0, 0, 0], [-length * 0.3, 0, bend], [-length * 0.7, 0, bend * 0.7], [-length, 0, bend * 0.2]])
    end = rng.uniform(0.08, 0.2)
    if rng.random() < 0.3:
        return tube(path, [0.05, 0.06, 0.11, 0.1], sides=8)
    bar = tube(path, [0.06, 0.06, end * 0.8, end], sides=8)
    return bar.scaled(1.0, 1.0, 0.45).moved(z=0.0)


def _flattened(mesh: Mesh, length: float, wide: float) -> Mesh:
    """Press a cylinder flat toward its upper end, with an outline of constant length."""
    share = np.clip(mesh.vertices[:, 2] / length, 0.0, 1.0)
    points = mesh.vertices.copy()
    points[:, 0] *= np.maximum(1.0 - share, 0.05)
    points[:, 1] *= 1.0 + share * (np.pi / 2 - 1.0)
    return Mesh(points, mesh.triangles)
