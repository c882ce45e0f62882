"""Toy vehicles and aircraft: bicycle, helicopter, rocket."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, box, cushion, cylinder, ellipsoid, join, lathe, prism, ring, tube


def bicycle(rng: np.random.Generator) -> list[Part]:
    """Two wheels with spokes or discs in a frame of bars, with handlebar and saddle."""
    radius, base = rng.uniform(0.5, 0.72), rng.uniform(1.6, 2.1)
    tyre, bar = rng.uniform(0.05, 0.11), rng.uniform(0.045, 0.075)
    front, rear = base / 2, -base / 2
    is_disc, spokes = rng.random() < 0.25, int(rng.integers(3, 6))
    small = radius * rng.uniform(0.75, 1.0)
    parts = []
    for x, size in ((front, small), (rear, radius)):
        wheel = ring(size - tyre, tyre, segments=20)
        inside = cylinder(size - tyre, 0.05, segments=20) if is_disc else _spokes(size - tyre, spokes)
        for mesh, group in ((wheel, 0), (inside, 1)):
            parts.append(Part(mesh.turned(x_deg=90).moved(x=x, z=size - radius), group))
    high, low = rng.uniform(0.75, 1.0), rng.uniform(-0.2, 0.0)
    crank, seat = np.array([-0.1, 0, low]), np.array([-0.1 - rng.uniform(0.15, 0.35), 0, high])
    head = np.array([front - rng.uniform(0.25, 0.45), 0, high * rng.uniform(0.9, 1.1)])
    join_top = seat * 0.85 + crank * 0.15 if rng.random() < 0.6 else seat * 0.45 + crank * 0.55
    hub, axle = np.array([rear, 0, 0]), np.array([front, 0, small - radius])
    bars = [(hub, crank), (crank, head * 0.9 + axle * 0.1), (crank, seat), (join_top, head), (head, axle)]
    bars.append((hub, join_top))
    parts.append(Part(join([tube(np.array(ends), bar, sides=6) for ends in bars]), 2))
    parts.append(Part(cushion(0.45, 0.2, 0.12, roundness=0.6).moved(seat[0], 0, seat[2] + 0.06), 3))
    wide, back, lift = rng.uniform(0.3, 0.5), rng.uniform(-0.1, 0.25), rng.uniform(0.05, 0.3)
    top = head + np.array([0, 0, lift])
    grip = top + np.array([[-back, -wide, 0], [0, -wide * 0.4, 0], [0, wide * 0.4, 0], [-back, wide, 0]])
    parts.append(Part(join([tube(grip, bar, sides=6), tube(np.array([head, top]), bar, sides=6)]), 3))
    return parts


def helicopter(rng: np.random.Generator) -> list[Part]:
    """A cabin with a tail boom, a rotor above and a small one at the tail, on skids or wheels."""
    long, wide, tall = rng.uniform(0.6, 0.95), rng.uniform(0.35, 0.55), rng.uniform(0.4, 0.6)
    if rng.random() < 0.5:
        cabin = ellipsoid(long, wide, tall, rings=9, segments=14)
    else:
        cabin = cushion(2 * long, 2 * wide, 2 * tall * 0.9, roundness=0.5)
    parts = [Part(cabin, 0)]
    reach, thick = rng.uniform(1.3, 2.2), rng.uniform(0.1, 0.2)
    lift = rng.uniform(0.0, 0.35)
    end = -long * 0.7 - reach
    boom = np.array([[-long * 0.6, 0, tall * 0.3], [end, 0, tall * 0.3 + lift]])
    parts.append(Part(tube(boom, [thick * 1.6, thick * 0.7]), 1))
    fin = prism([[0.15, -0.05], [-0.2, 0.5], [-0.4, 0.5], [-0.2, -0.05]], 0.06).turned(x_deg=90)
    parts.append(Part(fin.moved(x=end + 0.1, z=tall * 0.3 + lift), 2))
    small = rng.uniform(0.25, 0.4)
    tail = _blades(2, small, 0.08).turned(x_deg=90, y_deg=rng.uniform(0, 90))
    parts.append(Part(tail.moved(x=end - 0.1, y=0.12, z=tall * 0.3 + lift + 0.2), 3))
    mast, span = rng.uniform(0.2, 0.4), rng.uniform(1.3, 2.0)
    parts.append(Part(cylinder(0.07, mast * 2, segments=8).moved(z=tall), 2))
    rotor = _blades(int(rng.integers(2, 6)), span, rng.uniform(0.12, 0.22)).turned(z_deg=rng.uniform(0, 90))
    parts.append(Part(rotor.moved(z=tall + mast), 3))
    low = -tall - rng.uniform(0.15, 0.35)
    if rng.random() < 0.65:
        for side in (-1.0, 1.0):
            skid = np.array([[long * 1.0, 0, 0.15], [long * 0.8, 0, 0], [-long * 0.8, 0, 0]])
            legs = [tube(np.array([[x, 0, 0], [x, -side * wide * 0.3, -low]]), 0.04, sides=5) for x in (-0.3, 0.3)]
            parts.append(Part(join([tube(skid, 0.05, sides=6), *legs]).moved(y=side * wide * 0.9, z=low), 2))
    else:
        for x, side in ((long * 0.6, 0.0), (-long * 0.4, -0.9), (-long * 0.4, 0.9)):
            wheel = cylinder(0.17, 0.12, segments=10).turned(x_deg=90)
            parts.append(Part(wheel.moved(x, side * wide, -tall * 0.95), 2))
    return parts


def rocket(rng: np.random.Generator) -> list[Part]:
    """A round body with a pointed nose, standing on fins, sometimes with boosters and a window."""
    tall, waist, foot = rng.uniform(1.6, 3.0), rng.uniform(0.4, 0.6), rng.uniform(0.6, 1.0)
    nose = rng.uniform(0.6, 1.3)
    belly = waist * rng.uniform(1.0, 1.25)
    body = [(0.0, 0.0), (waist * foot, 0.0), (belly, tall * 0.45), (waist, tall)]
    parts = [Part(lathe([*body, (0.0, tall)], segments=16), 0)]
    power = rng.uniform(0.5, 1.0)
    steps = np.linspace(0.0, 1.0, 6)
    cone = np.column_stack([waist * (1.0 - steps) ** power, tall + nose * steps])
    parts.append(Part(lathe(np.concatenate([[(0.0, tall)], cone]), segments=16), 1))
    count = int(rng.integers(3, 6))
    reach, high, drop = rng.uniform(0.4, 0.85), rng.uniform(0.6, 1.2), rng.uniform(0.1, 0.5)
    inner = waist * foot * 0.6
    outline = [[inner, 0.05], [inner + reach, -drop], [inner + reach, high * 0.3 - drop], [waist * 0.95, high]]
    for index in range(count):
        fin = prism(np.array(outline), 0.08).turned(x_deg=90)
        parts.append(Part(fin.turned(z_deg=360 * index / count), 2))
    flare = rng.uniform(0.25, 0.45)
    parts.append(Part(cylinder(flare, 0.3, top=flare * 0.5, segments=12).moved(z=-0.13), 3))
    if rng.random() < 0.5:
        hatch = cylinder(waist * 0.45, 0.1, segments=12).turned(y_deg=90)
        parts.append(Part(hatch.moved(x=belly * 0.97, z=tall * rng.uniform(0.55, 0.75)), 3))
    if rng.random() < 0.35:
        size, long = rng.uniform(0.16, 0.26), tall * rng.uniform(0.4, 0.6)
        for side in (-1.0, 1.0):
            booster = lathe([(0.0, 0.0), (size, 0.0), (size, long), (0.0, long + 2 * size)], segments=10)
            parts.append(Part(booster.moved(y=side * (belly + size * 0.8), z=0.05), 1))
    return parts


def _spokes(radius: float, count: int) -> Mesh:
    """The spokes and the hub of a wheel in the x-y plane."""
    bars = [box(2 * radius, 0.04, 0.04).turned(z_deg=180 * bar / count) for bar in range(count)]
    return join([*bars, cylinder(0.09, 0.2, segments=8)])


def _blades(count: int, span: float, chord: float) -> Mesh:
    """A rotor in the x-y plane: blades of length `span` from the centre."""
    blades = [box(span, chord, 0.04).moved(x=span / 2).turned(z_deg=360 * blade / count) for blade in range(count)]
    return join([*blades, cylinder(0.1, 0.12, segments=8)])
