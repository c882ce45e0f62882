"""Hand tools and things to wear: screwdriver, wrench, brush, comb, shoe and hat."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, box, cushion, cylinder, ellipsoid, join, lathe, prism, ring, tube


def screwdriver(rng: np.random.Generator) -> list[Part]:
    """A thick handle, ribbed or bulging, and a thin shaft with a flat or pointed tip."""
    handle, thick, shaft = rng.uniform(0.9, 1.4), rng.uniform(0.2, 0.34), rng.uniform(0.9, 2.3)
    waist = rng.uniform(0.6, 1.0)
    profile = [(0.0, 0.0), (thick * 0.7, 0.0), (thick, 0.12), (thick, handle * 0.55), (thick * waist, handle * 0.8)]
    profile += [(thick * 0.85, handle * 0.93), (0.1, handle), (0.0, handle)]
    parts = [Part(lathe(profile, segments=8 if rng.random() < 0.5 else 18), 0)]
    rod = rng.uniform(0.05, 0.08)
    parts.append(Part(cylinder(rod, shaft, segments=10).moved(z=handle + shaft / 2), 1))
    top = handle + shaft
    if rng.random() < 0.6:
        blade = box(0.04, rod * rng.uniform(2.5, 3.8), 0.3, taper=0.75)
        parts.append(Part(blade.moved(z=top + 0.12), 1))
    else:
        parts.append(Part(cylinder(rod * 1.1, 0.2, top=0.01, segments=8).moved(z=top + 0.1), 1))
    if rng.random() < 0.6:
        parts.append(
            Part(cylinder(thick * 1.03, handle * 0.12, segments=18).moved(z=handle * rng.uniform(0.15, 0.5)), 2)
        )
    return parts


def wrench(rng: np.random.Generator) -> list[Part]:
    """A flat bar with an open jaw at one end and a ring, or another jaw, at the other."""
    length, wide, thick = rng.uniform(1.8, 3.0), rng.uniform(0.13, 0.22), rng.uniform(0.1, 0.18)
    parts = [Part(box(length, 2 * wide, thick), 0)]
    tilt = rng.uniform(0, 20)
    parts.append(Part(_jaw(rng, thick * 1.5).turned(z_deg=tilt).moved(x=length / 2), 0))
    if rng.random() < 0.6:
        eye = rng.uniform(0.28, 0.38)
        parts.append(Part(ring(eye, thick * 0.95, segments=18).moved(x=-length / 2 - eye), 0))
    else:
        parts.append(
            Part(_jaw(rng, thick * 1.5).scaled(0.8, 0.8, 1.0).turned(z_deg=180 + tilt).moved(x=-length / 2), 0)
        )
    if rng.random() < 0.4:
        parts.append(Part(box(length * 0.6, 2 * wide * 1.25, thick * 1.4).moved(x=-length * 0.08), 1))
    return parts


def brush(rng: np.random.Generator) -> list[Part]:
    """A long handle with a block of bristles: below the head, or at its end as for painting."""
    long, thick = rng.uniform(1.3, 2.4), rng.uniform(0.09, 0.16)
    parts = []
    if rng.random() < 0.5:
        head, wide = rng.uniform(0.7, 1.2), rng.uniform(0.18, 0.42)
        deep = rng.uniform(0.25, 0.5)
        parts.append(Part(cushion(head, 2 * wide, 0.2, roundness=0.4).moved(x=head / 2), 0))
        rows = int(rng.integers(2, 4))
        for row in np.linspace(-wide * 0.6, wide * 0.6, rows):
            tufts = [
                cylinder(0.055, deep, top=0.07, segments=6).moved(x=place, y=row, z=-deep / 2 - 0.05)
                for place in np.linspace(head * 0.12, head * 0.9, 6)
            ]
            parts.append(Part(join(tufts), 1))
        path = np.array([[0.05, 0, 0], [-long * 0.3, 0, rng.uniform(-0.05, 0.15)], [-long, 0, 0]])
        parts.append(Part(tube(path, [thick * 0.7, thick, thick * 1.15], sides=10), 0))
    else:
        wide, tall = rng.uniform(0.3, 0.65), rng.uniform(0.5, 0.9)
        flat = rng.uniform(0.2, 0.45)
        hair = cushion(tall * 1.5, 2 * wide, 2 * wide * flat, roundness=0.45).moved(x=tall * 0.55)
        parts.append(Part(hair, 1))
        parts.append(Part(box(0.4, 2 * wide * 1.03, 2 * wide * flat * 1.1).moved(x=-0.1), 2))
        path = np.array([[-0.25, 0, 0], [-0.6, 0, 0], [-long * 0.7, 0, 0], [-long - 0.3, 0, 0]])
        parts.append(Part(tube(path, [wide * 0.6, thick, thick * 1.3, thick * 0.7], sides=10), 0))
    return parts


def comb(rng: np.random.Generator) -> list[Part]:
    """A spine with a row of thin teeth, with or without a handle."""
    long, deep, thick = rng.uniform(1.5, 2.4), rng.uniform(0.35, 0.6), rng.uniform(0.06, 0.1)
    parts = [Part(box(thick, long, rng.uniform(0.16, 0.32)).moved(z=0.1), 0)]
    count = int(rng.integers(14, 30))
    edge = rng.uniform(0.0, 0.5)
    teeth = []
    for number, place in enumerate(np.linspace(-long / 2 + 0.04, long / 2 - 0.04, count)):
        reach = deep * (1.0 - edge * (2 * number / (count - 1) - 1.0) ** 2)
        teeth.append(box(thick * 0.8, long / count * 0.5, reach, taper=1.15).moved(y=place, z=-reach / 2))
    parts.append(Part(join(teeth), 0))
    if rng.random() < 0.4:
        grip = rng.uniform(0.7, 1.4)
        path = np.array([[0, long / 2, 0.08], [0, long / 2 + grip * 0.5, 0.1], [0, long / 2 + grip, 0.05]])
        parts.append(Part(tube(path, [0.09, 0.12, 0.1], sides=8), 1))
    else:
        for side in (-1.0, 1.0):
            parts.append(Part(box(thick, 0.1, deep).moved(y=side * (long / 2 - 0.02), z=-deep / 2 + 0.02), 0))
    return parts


def shoe(rng: np.random.Generator) -> list[Part]:
    """A sole, a toe cap and an opening for the foot; low or a boot, with laces or without, flat or with a heel."""
    long, wide, high = rng.uniform(2.2, 2.8), rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.8)
    sole = rng.uniform(0.12, 0.3)
    boot = rng.random() < 0.3
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    shape = wide / 2 * (1.0 + 0.18 * np.cos(angle) - 0.15 * np.cos(2 * angle))
    outline = np.column_stack([np.cos(angle) * long / 2, np.sin(angle) * shape])
    parts = [Part(prism(outline * 1.05, sole).moved(z=-sole / 2), 1)]
    toe = ellipsoid(long * 0.33, wide * 0.5, high * 0.85, rings=11, segments=18)
    parts.append(Part(_above(toe).moved(x=long * 0.17), 0))
    ankle = high * (rng.uniform(2.0, 3.2) if boot else rng.uniform(1.05, 1.4))
    back = lathe([(0.55, 0.0), (0.5, ankle * 0.6), (0.52, ankle), (0.42, ankle), (0.4, 0.3), (0.0, 0.25)], segments=18)
    parts.append(Part(back.scaled(long * 0.44, wide * 0.9, 1.0).moved(x=-long * 0.25), 0))
    tongue = box(long * 0.4, wide * 0.45, 0.08).turned(y_deg=rng.uniform(25, 40)).moved(x=long * 0.03, z=high * 0.92)
    parts.append(Part(tongue, 2))
    if rng.random() < 0.7:
        for step in range(int(rng.integers(3, 6))):
            lace = box(0.06, wide * 0.55, 0.06).moved(x=long * (0.12 - 0.07 * step), z=high * (0.86 + 0.11 * step))
            parts.append(Part(lace, 3))
    if rng.random() < 0.4:
        heel = rng.uniform(0.15, 0.5)
        parts.append(Part(box(long * 0.25, wide * 0.6, heel, taper=1.2).moved(x=-long * 0.33, z=-sole - heel / 2), 1))
    return parts


def hat(rng: np.random.Generator) -> list[Part]:
    """A crown with a brim all around, or a cap with a peak in front; often with a band."""
    wide, tall = rng.uniform(0.85, 1.1), rng.uniform(0.6, 1.3)
    is_cap = rng.random() < 0.4
    if is_cap:
        dome = _above(ellipsoid(1.05, wide, tall * 0.9, rings=13, segments=20))
        angle = np.linspace(-1.1, 1.1, 12)
        reach = rng.uniform(0.7, 1.1)
        peak = np.column_stack([np.cos(angle) * (0.9 + reach), np.sin(angle) * wide * 1.05])
        inner = np.column_stack([np.cos(angle[::-1]) * 0.75, np.sin(angle[::-1]) * wide * 0.8])
        visor = prism(np.concatenate([peak, inner]), 0.06).turned(y_deg=rng.uniform(4, 18)).moved(z=0.02)
        button = ellipsoid(0.1, 0.1, 0.07, rings=5, segments=8).moved(z=tall * 0.9)
        return [Part(dome, 0), Part(visor, 1), Part(button, 1)]
    brim, top, curl = rng.uniform(1.4, 2.0), rng.uniform(0.6, 1.0), rng.uniform(-0.15, 0.3)
    profile = [
        (brim - 0.02, curl + 0.05),
        (0.95, 0.07),
        (top * 0.97, tall),
        (top * 0.6, tall + rng.uniform(-0.15, 0.2)),
    ]
    profile = [(0.93, 0.0), (brim, curl), *profile, (0.0, tall)]
    parts = [Part(lathe(profile, segments=24).scaled(1.0, wide, 1.0), 0)]
    if rng.random() < 0.8:
        band = cylinder(0.98, tall * 0.25, top=0.97 - (1 - top) * 0.25, segments=24)
        parts.append(Part(band.scaled(1.0, wide, 1.0).moved(z=tall * 0.15 + 0.06), 1))
    return parts


def _jaw(rng: np.random.Generator, thick: float) -> Mesh:
    """An open jaw that points to x, in the x-y plane."""
    wide, gap, deep = rng.uniform(0.38, 0.52), rng.uniform(0.14, 0.22), rng.uniform(0.3, 0.5)
    root = cylinder(wide, thick, segments=14).scaled(0.8, 1.0, 1.0).moved(x=0.1)
    sides = []
    for side in (-1.0, 1.0):
        outline = np.array([[0.1, gap], [0.35 + deep, gap], [0.3 + deep, wide * 0.9], [0.1, wide]]) * [1.0, side]
        sides.append(prism(outline if side > 0 else outline[::-1], thick))
    return join([root, *sides])


def _above(mesh: Mesh) -> Mesh:
    """The upper half of a closed mesh: points below the x-y plane are moved onto it."""
    points = mesh.vertices.copy()
    points[:, 2] = np.maximum(points[:, 2], 0.0)
    corners = points[mesh.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return Mesh(points, mesh.triangles[area > 1e-9])
