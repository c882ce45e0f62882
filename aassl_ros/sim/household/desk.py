"""Things of a desk: carton, book, phone, remote, keyboard, clock, camera, stapler and light bulb."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import box, cushion, cylinder, ellipsoid, join, lathe, prism, ring, tube


def carton(rng: np.random.Generator) -> list[Part]:
    """A cardboard box: closed, with open flaps, or a drink carton with a gable."""
    deep, wide, tall = rng.uniform(0.5, 1.6), rng.uniform(1.1, 1.9), rng.uniform(1.0, 2.6)
    parts = [Part(box(deep, wide, tall), 0)]
    kind = int(rng.integers(3))
    if kind == 1:
        lean = rng.uniform(20, 70)
        for side in (-1.0, 1.0):
            flap = box(0.05, wide, deep * 0.5).moved(z=deep * 0.25).turned(y_deg=side * lean)
            parts.append(Part(flap.moved(x=side * deep / 2, z=tall / 2), 1))
            wing = box(deep, 0.05, deep * 0.4).moved(z=deep * 0.2).turned(x_deg=-side * lean)
            parts.append(Part(wing.moved(y=side * wide / 2, z=tall / 2), 1))
    elif kind == 2:
        gable = deep * rng.uniform(0.35, 0.6)
        roof = np.array([[-deep / 2, 0.0], [deep / 2, 0.0], [0.04, gable], [-0.04, gable]])
        parts.append(Part(prism(roof, wide).turned(x_deg=90).moved(z=tall / 2), 0))
        parts.append(Part(box(0.07, wide, 0.3).moved(z=tall / 2 + gable + 0.12), 1))
        if rng.random() < 0.6:
            parts.append(Part(cylinder(0.2, 0.2).turned(y_deg=50).moved(x=deep * 0.3, z=tall / 2 + gable * 0.5), 1))
    return parts


def book(rng: np.random.Generator) -> list[Part]:
    """A closed or half-open book: cover, spine, and a block of pages set back from the cover."""
    tall, wide, thick = rng.uniform(1.8, 2.6), rng.uniform(1.2, 1.9), rng.uniform(0.2, 0.7)
    cover, edge = rng.uniform(0.04, 0.08), 0.06
    opening = 0.0 if rng.random() < 0.65 else rng.uniform(25, 140)
    parts = []
    for side in (-1.0, 1.0):
        half = thick / 2 if opening else thick
        pages = box(half - cover, wide - edge, tall - 2 * edge).moved(x=side * (half - cover) / 2, y=(wide - edge) / 2)
        board = box(cover, wide, tall).moved(x=side * (half - cover / 2), y=wide / 2)
        if not opening:
            pages, board = pages.moved(x=-side * thick / 2), board.moved(x=-side * thick / 2)
        turn = -side * opening / 2
        parts += [Part(pages.turned(z_deg=turn), 1), Part(board.turned(z_deg=turn), 0)]
    back = thick if not opening else thick * 0.8
    parts.append(Part(box(back, cover, tall).moved(y=-cover / 2), 0))
    return parts


def phone(rng: np.random.Generator) -> list[Part]:
    """A flat phone with screen, camera and side keys; or an old handset with keys or an aerial."""
    tall, wide, thick = rng.uniform(1.9, 2.4), rng.uniform(0.95, 1.15), rng.uniform(0.1, 0.2)
    old = rng.random() < 0.3
    if old:
        thick *= 2.2
    parts = [Part(cushion(thick, wide, tall, roundness=0.22) if old else box(thick, wide, tall), 0)]
    low = 0.15 * tall if old else 0.0
    screen = box(0.03, wide * 0.86, tall * (0.45 if old else rng.uniform(0.8, 0.94)))
    parts.append(Part(screen.moved(x=thick / 2, z=low), 1))
    if old:
        for row in range(4):
            keys = [box(0.06, wide * 0.2, tall * 0.055).moved(y=column * wide * 0.27) for column in (-1, 0, 1)]
            parts.append(Part(join(keys).moved(x=thick / 2, z=-tall * (0.15 + 0.085 * row)), 2))
        if rng.random() < 0.5:
            parts.append(Part(cylinder(0.07, 0.7).moved(y=wide * 0.35, z=tall * 0.6), 2))
    else:
        bump = box(0.06, wide * rng.uniform(0.25, 0.4), tall * rng.uniform(0.12, 0.25))
        parts.append(Part(bump.moved(x=-thick / 2 - 0.02, y=wide * 0.22, z=tall * 0.36), 2))
        for lens in range(int(rng.integers(1, 4))):
            eye = cylinder(0.08, 0.06, segments=10).turned(y_deg=90)
            parts.append(Part(eye.moved(-thick / 2 - 0.06, wide * 0.22, tall * (0.3 + 0.08 * lens)), 1))
        parts.append(Part(box(thick * 0.4, 0.04, tall * 0.12).moved(y=wide / 2 + 0.01, z=tall * 0.2), 2))
    return parts


def remote(rng: np.random.Generator) -> list[Part]:
    """A long narrow bar with rows of keys and often a round pad."""
    tall, wide, thick = rng.uniform(2.2, 3.4), rng.uniform(0.5, 0.75), rng.uniform(0.18, 0.35)
    body = cushion(thick, wide, tall, roundness=rng.uniform(0.2, 0.4)) if rng.random() < 0.5 else box(thick, wide, tall)
    parts = [Part(body, 0)]
    rows, columns = int(rng.integers(4, 9)), int(rng.integers(2, 5))
    top = tall * 0.42
    pad = rng.random() < 0.6
    if pad:
        parts.append(Part(ring(wide * 0.24, 0.06, segments=14).turned(y_deg=90).moved(x=thick / 2, z=tall * 0.22), 2))
    size = wide * 0.55 / columns
    for row in range(rows):
        level = top - row * tall * 0.84 / rows
        if pad and abs(level - tall * 0.22) < wide * 0.34:
            continue
        keys = [box(0.1, size, size * 0.7).moved(y=place) for place in np.linspace(-wide * 0.32, wide * 0.32, columns)]
        parts.append(Part(join(keys).moved(x=thick / 2, z=level), 1))
    parts.append(Part(ellipsoid(0.07, 0.07, 0.05, rings=5, segments=8).moved(z=tall / 2), 2))
    return parts


def keyboard(rng: np.random.Generator) -> list[Part]:
    """A wide flat board with rows of keys and a space bar, sometimes with a block of numbers or a cable."""
    rows, columns = int(rng.integers(4, 6)), int(rng.integers(9, 14))
    pitch, thick = 0.25, rng.uniform(0.1, 0.22)
    long, deep = pitch * columns + 0.15, pitch * rows + 0.2
    parts = [Part(box(deep, long, thick, taper=rng.uniform(0.95, 1.0)), 0)]
    round_keys, high = rng.random() < 0.2, rng.uniform(0.06, 0.13)
    key = cylinder(0.1, high, top=0.085, segments=8) if round_keys else box(0.19, 0.19, high, taper=0.8)
    for row in range(rows):
        shift = 0.04 * row
        first, last = (0.3, 0.72) if row == rows - 1 else (-1.0, -1.0)
        places = [(column - (columns - 1) / 2) * pitch for column in range(columns)]
        kept = [place for n, place in enumerate(places) if not first < n / columns < last]
        keys = join([key.moved(y=min(place + shift, long / 2 - 0.13)) for place in kept])
        parts.append(Part(keys.moved(x=(row - (rows - 1) / 2) * pitch, z=thick / 2 + high / 2), 1))
    bar = box(0.19, long * 0.36, high, taper=0.9)
    parts.append(Part(bar.moved(x=(rows - 1) / 2 * pitch, z=thick / 2 + high / 2), 1))
    if rng.random() < 0.35:
        bend = np.array([[-deep / 2, 0, 0], [-deep / 2 - 0.3, 0.05, 0], [-deep / 2 - 0.5, 0.4, 0]])
        parts.append(Part(tube(bend, 0.035, sides=6), 2))
    return parts


def clock(rng: np.random.Generator) -> list[Part]:
    """A round face with hands in a frame: a wall clock, or an alarm clock with feet and bells."""
    thick, frame = rng.uniform(0.15, 0.6), rng.uniform(0.06, 0.15)
    square = rng.random() < 0.2
    case = box(1.9, 1.9, thick) if square else cylinder(1.0, thick, segments=28)
    parts = [
        Part(case.turned(y_deg=90), 0),
        Part(cylinder(0.88, 0.04, segments=28).turned(y_deg=90).moved(x=thick / 2 + 0.02), 1),
    ]
    parts.append(Part(ring(0.93, frame, segments=28).turned(y_deg=90).moved(x=thick / 2), 0))
    for long, wide in ((0.45, 0.09), (0.72, 0.06)):
        hand = box(0.03, wide, long).moved(z=long / 2 - 0.08).turned(x_deg=rng.uniform(0, 360))
        parts.append(Part(hand.moved(x=thick / 2 + 0.07), 2))
    if rng.random() < 0.5:
        for side in (-1.0, 1.0):
            parts.append(Part(tube(np.array([[0, side * 0.55, -0.8], [0, side * 0.75, -1.25]]), 0.08, sides=6), 2))
            bell = ellipsoid(0.3, 0.3, 0.26, rings=7, segments=12).turned(x_deg=-side * 30)
            parts.append(Part(bell.moved(0, side * 0.5, 1.05), 2))
    return parts


def camera(rng: np.random.Generator) -> list[Part]:
    """A box with a round lens in front, a hump or a finder on top, and a release."""
    deep, wide, tall = rng.uniform(0.5, 0.8), rng.uniform(1.7, 2.3), rng.uniform(1.0, 1.4)
    parts = [Part(box(deep, wide, tall), 0)]
    lens, reach, off = rng.uniform(0.36, 0.55), rng.uniform(0.25, 1.2), rng.uniform(-0.15, 0.15)
    for level, (radius, length) in enumerate(((lens, reach), (lens * 0.88, reach * 1.25))):
        barrel = cylinder(radius, length, segments=20).turned(y_deg=90)
        parts.append(Part(barrel.moved(deep / 2 + length / 2 - 0.02, off, -0.05), 1 + 2 * level))
    glass = ellipsoid(0.08, lens * 0.75, lens * 0.75, rings=7, segments=16)
    parts.append(Part(glass.moved(deep / 2 + reach * 1.25, off, -0.05), 2))
    if rng.random() < 0.6:
        parts.append(Part(box(deep * 0.9, 0.6, 0.4, taper=0.65).moved(y=off, z=tall / 2 + 0.18), 0))
    else:
        parts.append(Part(box(0.1, 0.3, 0.2).moved(x=deep / 2, y=-wide * 0.3, z=tall * 0.33), 2))
    parts.append(Part(cylinder(0.13, 0.14, segments=12).moved(y=wide * 0.35, z=tall / 2 + 0.06), 1))
    parts.append(Part(cylinder(0.2, 0.12, segments=12).moved(y=-wide * 0.33, z=tall / 2 + 0.05), 1))
    if rng.random() < 0.5:
        parts.append(Part(box(deep * 1.25, 0.35, tall * 0.95).moved(x=0.06, y=wide / 2 - 0.15), 1))
    return parts


def stapler(rng: np.random.Generator) -> list[Part]:
    """A long base and an arm hinged at its rear end."""
    long, wide, opening = rng.uniform(2.2, 3.0), rng.uniform(0.4, 0.65), rng.uniform(4, 18)
    parts = [Part(box(long, wide, rng.uniform(0.12, 0.22)), 1)]
    tall = rng.uniform(0.25, 0.45)
    arm = cushion(long * 0.98, wide * 0.95, tall, roundness=rng.uniform(0.22, 0.5)).moved(x=long / 2, z=tall / 2)
    rail = box(long * 0.93, wide * 0.55, 0.16).moved(x=long / 2, z=-0.02)
    for mesh, group in ((arm, 0), (rail, 2)):
        parts.append(Part(mesh.turned(y_deg=-opening).moved(x=-long / 2, z=0.28), group))
    hinge = box(long * 0.22, wide * 1.05, 0.6, taper=0.7).moved(x=-long * 0.39, z=0.25)
    parts.append(Part(hinge, 1))
    parts.append(Part(box(0.2, wide * 0.6, 0.08).moved(x=long * 0.42, z=0.13), 2))
    return parts


def light_bulb(rng: np.random.Generator) -> list[Part]:
    """A glass bulb (pear, globe or candle shape) on a threaded base."""
    tall, wide = rng.uniform(1.3, 2.2), rng.uniform(0.55, 1.0)
    full = rng.uniform(0.5, 0.72)
    share = np.linspace(0.0, 1.0, 12)
    swell = np.where(share < full, 0.35 + (wide - 0.35) * np.sin(share / full * np.pi / 2) ** 2,
                     wide * np.sqrt(np.clip(1 - ((share - full) / (1 - full)) ** 2, 0, 1)))  # fmt: skip
    parts = [Part(lathe(np.column_stack([swell, share * tall]), segments=22), 0)]
    base = rng.uniform(0.4, 0.7)
    parts.append(Part(cylinder(0.32, base, segments=16).moved(z=-base / 2), 1))
    for level in np.linspace(0.15, 0.85, int(rng.integers(3, 6))):
        parts.append(Part(ring(0.33, 0.05, segments=16).moved(z=-base * level), 1))
    parts.append(Part(cylinder(0.2, 0.18, top=0.3, segments=12).moved(z=-base - 0.08), 2))
    if rng.random() < 0.35:
        parts.append(Part(lathe([(0.0, -0.02), (0.4, -0.02), (0.55, 0.4), (0.0, 0.42)], segments=18), 2))
    return parts
