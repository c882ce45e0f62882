"""Toy outdoor objects: airplane, boat, car, dog."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, box, cushion, cylinder, ellipsoid, prism, tube


def airplane(rng: np.random.Generator) -> list[Part]:
    """A fuselage with wings, tailplane, fin, and engines under the wings or a propeller."""
    length, thick = rng.uniform(2.6, 3.8), rng.uniform(0.22, 0.4)
    nose = length / 2
    path = np.array([[nose, 0, 0], [nose * 0.8, 0, 0], [-nose * 0.4, 0, 0], [-nose, 0, thick * 0.4]])
    parts = [Part(tube(path, [thick * 0.35, thick, thick, thick * 0.25], sides=12), 0)]
    span, chord, sweep = rng.uniform(2.4, 4.0), rng.uniform(0.5, 0.9), rng.uniform(0.0, 0.9)
    tip, level = chord * rng.uniform(0.35, 0.9), rng.choice([-0.6, 0.0, 0.8]) * thick
    place = rng.uniform(0.0, 0.4)
    for side in (-1.0, 1.0):
        parts.append(Part(_wing(span / 2, chord, tip, sweep, side).moved(x=place, z=level), 1))
        parts.append(Part(_wing(span * 0.18, chord * 0.6, tip * 0.5, sweep * 0.4, side).moved(x=-nose * 0.9), 1))
    fin = _wing(rng.uniform(0.5, 0.9), chord * 0.7, tip * 0.6, 0.35, 1.0).turned(x_deg=90)
    parts.append(Part(fin.moved(x=-nose * 0.85, z=thick * 0.3), 2))
    if rng.random() < 0.5:
        for side in (-1.0, 1.0):
            engine = cylinder(thick * 0.4, thick * 2, segments=10).turned(y_deg=90)
            parts.append(Part(engine.moved(place - sweep * 0.2, side * span * 0.2, level - thick * 0.5), 2))
    else:
        blade = rng.uniform(0.4, 0.65)
        parts.append(Part(box(0.06, 0.12, 2 * blade).moved(x=nose + 0.05), 2))
        parts.append(Part(box(0.06, 2 * blade, 0.12).moved(x=nose + 0.05), 2))
    return parts


def boat(rng: np.random.Generator) -> list[Part]:
    """A hull with a pointed bow, with a mast and sails or with a cabin and funnel."""
    length, wide, deep = rng.uniform(2.2, 3.2), rng.uniform(0.7, 1.1), rng.uniform(0.45, 0.7)
    half = length / 2
    outline = [[half, 0], [half * 0.5, wide * 0.45], [-half * 0.8, wide * 0.5], [-half, wide * 0.3]]
    outline += [[x, -y] for x, y in outline[:0:-1]]
    hull = prism(np.array(outline), deep, taper=rng.uniform(1.2, 1.6)).moved(z=-deep / 2)
    parts = [Part(hull, 0)]
    if rng.random() < 0.6:
        mast, place = rng.uniform(1.8, 2.8), rng.uniform(-0.1, 0.4)
        parts.append(Part(cylinder(0.06, mast, segments=8).moved(x=place, z=mast / 2), 1))
        boom = rng.uniform(0.9, 1.3)
        main = prism([[place - 0.08, 0.25], [place - 0.08, mast * 0.95], [place - boom, 0.25]], 0.06).turned(x_deg=90)
        parts.append(Part(main, 2))
        if rng.random() < 0.6:
            jib = prism([[place + 0.1, 0.3], [half * 1.1, 0.25], [place + 0.1, mast * 0.8]], 0.05).turned(x_deg=90)
            parts.append(Part(jib, 1))
    else:
        tall = rng.uniform(0.4, 0.7)
        parts.append(Part(box(length * rng.uniform(0.35, 0.5), wide * 0.7, tall).moved(x=-0.2, z=tall / 2), 1))
        parts.append(Part(box(length * 0.2, wide * 0.5, tall * 0.6).moved(x=-0.1, z=tall * 1.3), 2))
        funnel = rng.uniform(0.5, 0.9)
        parts.append(Part(cylinder(0.16, funnel, segments=12).moved(x=-0.55, z=tall + funnel / 2), 2))
    return parts


def car(rng: np.random.Generator) -> list[Part]:
    """A body on four wheels with a cabin: saloon, van or pick-up."""
    length, wide, tall = rng.uniform(2.2, 3.0), rng.uniform(1.0, 1.3), rng.uniform(0.4, 0.65)
    parts = [Part(cushion(length, wide, tall, roundness=rng.uniform(0.2, 0.5)), 0)]
    kind = rng.integers(3)
    share, place = ((0.5, -0.03), (0.82, -0.07), (0.35, 0.12))[int(kind)]
    cabin = rng.uniform(0.4, 0.6) * (1.3 if kind == 1 else 1.0)
    roof = box(length * share, wide * 0.88, cabin, taper=rng.uniform(0.65, 0.92))
    parts.append(Part(roof.moved(x=length * place, z=tall / 2 + cabin * 0.45), 1))
    if kind == 2:
        for side in (-0.45, 0.45):
            parts.append(Part(box(length * 0.4, 0.08, 0.3).moved(-length * 0.27, side * wide, tall * 0.6), 0))
    radius = rng.uniform(0.28, 0.42)
    for x in (-0.3, 0.3):
        for side in (-1.0, 1.0):
            wheel = cylinder(radius, 0.22, segments=14).turned(x_deg=90)
            parts.append(Part(wheel.moved(x * length, side * wide * 0.47, -tall / 2), 2))
    return parts


def dog(rng: np.random.Generator) -> list[Part]:
    """A four-legged animal with head, snout, ears and tail."""
    length, girth = rng.uniform(1.3, 2.3), rng.uniform(0.32, 0.5)
    parts = [Part(ellipsoid(length / 2, girth, girth * rng.uniform(0.9, 1.2)), 0)]
    leg, thick = rng.uniform(0.5, 1.2), rng.uniform(0.09, 0.17)
    for x in (-0.34, 0.34):
        for side in (-1.0, 1.0):
            foot = cylinder(thick, leg, top=thick * 1.2, segments=8)
            parts.append(Part(foot.moved(x * length, side * girth * 0.6, -girth * 0.5 - leg / 2), 1))
    lift, skull = rng.uniform(0.25, 0.8), rng.uniform(0.28, 0.42)
    front = length * 0.45 + 0.2
    neck = np.array([[length * 0.33, 0, 0.1], [front, 0, lift]])
    parts.append(Part(tube(neck, [girth * 0.6, skull * 0.6]), 0))
    parts.append(Part(ellipsoid(skull * 1.1, skull, skull, rings=8, segments=12).moved(x=front, z=lift), 0))
    snout = rng.uniform(0.3, 0.65)
    muzzle = cylinder(skull * 0.6, snout, top=skull * 0.4, segments=10).turned(y_deg=90)
    parts.append(Part(muzzle.moved(x=front + skull * 0.7 + snout / 2, z=lift - 0.08), 2))
    ear, hang = rng.uniform(0.25, 0.5), rng.choice([0.0, 150.0])
    for side in (-1.0, 1.0):
        flap = box(0.12, 0.2, ear, taper=0.4).moved(z=ear / 2).turned(x_deg=-side * hang)
        parts.append(Part(flap.moved(front - 0.05, side * skull * 0.65, lift + skull * 0.6), 2))
    rise, tail = rng.uniform(-0.4, 0.8), rng.uniform(0.4, 0.9)
    path = np.array([[-length * 0.45, 0, 0.1], [-length * 0.5 - tail, 0, 0.1 + rise]])
    parts.append(Part(tube(path, [0.1, 0.05], sides=6), 1))
    return parts


def _wing(span: float, root: float, tip: float, sweep: float, side: float) -> Mesh:
    """A flat wing from the centre line out along +y (side 1) or -y (side -1), with its front edge swept back."""
    outline = np.array([[root / 2, 0], [tip / 2 - sweep, side * span], [-tip / 2 - sweep, side * span], [-root / 2, 0]])
    return prism(outline if side > 0 else outline[::-1], 0.09)
