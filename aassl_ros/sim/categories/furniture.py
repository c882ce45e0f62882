"""Furniture and parts of a house: chair, table, lamp, stairs."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, box, cylinder, ellipsoid, join, lathe, tube


def chair(rng: np.random.Generator) -> list[Part]:
    """A seat on legs or a pedestal, with a back, sometimes with arms."""
    depth, width = rng.uniform(0.9, 1.15), rng.uniform(0.9, 1.2)
    thick, leg = rng.uniform(0.08, 0.25), rng.uniform(0.7, 1.2)
    parts = [Part(box(depth, width, thick), 0)]
    if rng.random() < 0.7:
        parts.append(Part(_four_legs(depth, width, leg, rng).moved(z=-thick / 2 - leg / 2), 1))
    else:
        parts.append(Part(_pedestal(leg, 0.55, rng).moved(z=-thick / 2 - leg), 1))
    back, lean = rng.uniform(0.9, 1.6), rng.uniform(0.0, 12.0)
    if rng.random() < 0.5:
        rest = box(rng.uniform(0.08, 0.2), width, back).moved(z=back / 2)
    else:
        bars = int(rng.integers(2, 5))
        places = np.linspace(-0.45, 0.45, bars) * width
        rail = box(0.12, width, back * 0.2).moved(z=back * 0.9)
        rest = join([rail, *[box(0.1, 0.1, back).moved(y=place, z=back / 2) for place in places]])
    parts.append(Part(rest.turned(y_deg=-lean).moved(x=-depth / 2 + 0.06), 2))
    if rng.random() < 0.35:
        high = rng.uniform(0.35, 0.5)
        for side in (-0.5, 0.5):
            arm = join([box(depth * 0.8, 0.1, 0.08).moved(z=high), box(0.09, 0.09, high).moved(x=0.3, z=high / 2)])
            parts.append(Part(arm.moved(y=side * width), 1))
    return parts


def table(rng: np.random.Generator) -> list[Part]:
    """A flat top, long or round, on legs or a pedestal."""
    long, wide = rng.uniform(1.3, 2.4), rng.uniform(0.9, 1.4)
    thick, leg = rng.uniform(0.07, 0.2), rng.uniform(0.6, 1.2)
    is_round = rng.random() < 0.4
    if is_round:
        long = wide = rng.uniform(1.3, 1.9)
        parts = [Part(cylinder(wide / 2, thick, segments=24), 0)]
    else:
        parts = [Part(box(long, wide, thick), 0)]
    if rng.random() < (0.4 if is_round else 0.8):
        shrink = 0.7 if is_round else 1.0
        parts.append(Part(_four_legs(long * shrink, wide * shrink, leg, rng).moved(z=-thick / 2 - leg / 2), 1))
    else:
        parts.append(Part(_pedestal(leg, wide * 0.35, rng).moved(z=-thick / 2 - leg), 1))
    if not is_round and rng.random() < 0.4:
        parts.append(Part(box(long * 0.8, wide * 0.8, 0.06).moved(z=-leg * rng.uniform(0.5, 0.75)), 2))
    return parts


def lamp(rng: np.random.Generator) -> list[Part]:
    """A base, a straight or bent stem and a shade."""
    base, foot = rng.uniform(0.4, 0.7), rng.uniform(0.08, 0.3)
    height, thick = rng.uniform(1.0, 2.2), rng.uniform(0.04, 0.09)
    shade, top, tall = rng.uniform(0.5, 0.9), rng.uniform(0.15, 0.5), rng.uniform(0.5, 0.9)
    parts = [Part(cylinder(base, foot, top=base * rng.uniform(0.3, 1.0)), 0)]
    wall = 0.05
    profile = [(shade, 0.0), (top, tall), (0.0, tall), (0.0, tall - wall), (top - wall, tall - wall)]
    cover = lathe([*profile, (shade - wall, 0.0), (shade, 0.0)])
    if rng.random() < 0.55:
        stem = np.array([[0, 0, 0], [0, 0, height]])
        parts.append(Part(cover.moved(z=height - tall * 0.6), 1))
    else:
        reach, tip = rng.uniform(0.5, 1.0), rng.uniform(30, 75)
        stem = np.array([[0, 0, 0], [-reach * 0.4, 0, height * 0.55], [reach * 0.6, 0, height]])
        parts.append(Part(cover.scaled(0.8).turned(y_deg=-tip).moved(x=reach * 0.6 + 0.3, z=height - 0.35), 1))
    parts.append(Part(tube(stem, thick), 2))
    if rng.random() < 0.4:
        bulge = rng.uniform(0.15, 0.35)
        parts.append(Part(ellipsoid(bulge, bulge, bulge * 1.3, rings=7, segments=12).moved(z=height * 0.3), 0))
    return parts


def stairs(rng: np.random.Generator) -> list[Part]:
    """A flight of steps, solid or open, sometimes with a rail."""
    count = int(rng.integers(3, 7))
    run, rise, width = rng.uniform(0.3, 0.45), rng.uniform(0.22, 0.4), rng.uniform(0.8, 1.5)
    solid = rng.random() < 0.6
    parts = []
    for step in range(count):
        x, level = -step * run, (step + 1) * rise
        tread = box(run, width, level).moved(z=level / 2) if solid else box(run * 1.2, width, 0.1).moved(z=level)
        parts.append(Part(tread.moved(x=x), step % 2))
    slope = np.array([[run / 2, 0, 0.05], [-(count - 0.5) * run, 0, count * rise]])
    for side in (-0.5, 0.5):
        if not solid:
            parts.append(Part(tube(slope, 0.08, sides=6).moved(y=side * width), 2))
        if rng.random() < 0.4:
            rail = slope + np.array([0, side * width, rng.uniform(0.5, 0.8)])
            posts = [tube(np.array([point - [0, 0, 0.7], point]), 0.04, sides=5) for point in rail]
            parts.append(Part(join([tube(rail, 0.06, sides=6), *posts]), 2))
    return parts


def _four_legs(depth: float, width: float, height: float, rng: np.random.Generator) -> Mesh:
    """Legs at the corners, square or round, vertical or splayed, centred at z = 0."""
    thick, splay = rng.uniform(0.07, 0.16), rng.uniform(0.0, 0.12)
    is_round = rng.random() < 0.5
    legs = []
    for x in (-1.0, 1.0):
        for y in (-1.0, 1.0):
            place = np.array([x * (depth / 2 - thick / 2), y * (width / 2 - thick / 2), 0.0])
            end = place + np.array([x * splay, y * splay, -height / 2])
            path = np.array([end, place + np.array([0, 0, height / 2])])
            if is_round:
                legs.append(tube(path, thick / 2, sides=8))
            else:
                legs.append(box(thick, thick, height).moved(*place))
    return join(legs)


def _pedestal(height: float, spread: float, rng: np.random.Generator) -> Mesh:
    """A column on a round or star-shaped base, from z = 0 up."""
    column = cylinder(rng.uniform(0.07, 0.14), height, segments=10).moved(z=height / 2)
    if rng.random() < 0.5:
        return join([column, cylinder(spread, 0.1, top=spread * 0.6).moved(z=0.05)])
    arms = int(rng.integers(3, 6))
    feet = [box(spread, 0.12, 0.1).moved(x=spread / 2, z=0.05).turned(z_deg=360 * arm / arms) for arm in range(arms)]
    return join([column, *feet])
