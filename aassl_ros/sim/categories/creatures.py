"""Toy creatures: fish and person."""

from __future__ import annotations

import numpy as np

from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.categories.shapes import Mesh, box, cushion, cylinder, ellipsoid, join, prism, tube


def fish(rng: np.random.Generator) -> list[Part]:
    """A flat body with tail, back and side fins, and eyes: long or tall, with or without a forked tail."""
    half, tall, wide = rng.uniform(0.9, 1.4), rng.uniform(0.35, 0.8), rng.uniform(0.18, 0.35)
    parts = [Part(ellipsoid(half, wide, tall, rings=9, segments=16), 0)]
    tail, spread, fork = rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.8), rng.uniform(-0.1, 0.45)
    root = -half * 0.85
    outline = [[root, 0.08], [root - tail, spread], [root - tail * (1.0 - fork), 0.0]]
    outline += [[root - tail, -spread], [root, -0.08]]
    parts.append(Part(_upright(outline, 0.08), 1))
    back, long = rng.uniform(0.2, 0.6), half * rng.uniform(0.5, 1.0)
    sail = [[-long * 0.6, tall * 0.7], [long * 0.5, tall * 0.7], [-long * 0.1, tall + back], [-long * 0.7, tall + back]]
    parts.append(Part(_upright(sail, 0.08), 2))
    if rng.random() < 0.6:
        keel = [[-long * 0.5, -tall * 0.7], [-long * 0.6, -tall - back * 0.7], [long * 0.1, -tall * 0.8]]
        parts.append(Part(_upright(keel, 0.08), 2))
    reach, droop = rng.uniform(0.3, 0.6), rng.uniform(0.0, 50.0)
    for side in (-1.0, 1.0):
        flap = [[0.15, 0.0], [-0.3, side * reach], [-0.5, side * reach * 0.8], [-0.15, 0.0]]
        wing = prism(np.array(flap if side > 0 else flap[::-1]), 0.06).turned(x_deg=-side * droop)
        parts.append(Part(wing.moved(half * 0.3, side * wide * 0.8, -tall * 0.15), 1))
        eye = rng.uniform(0.08, 0.1)
        place = (half * 0.68, side * wide * 0.62, tall * 0.22)
        parts.append(Part(ellipsoid(eye, eye, eye, rings=5, segments=8).moved(*place), 3))
    if rng.random() < 0.3:
        parts.append(Part(tube(np.array([[half * 0.9, 0, 0], [half * 1.5, 0, 0.05]]), [0.14, 0.02], sides=6), 1))
    return parts


def person(rng: np.random.Generator) -> list[Part]:
    """A figure with head, trunk, two arms in any pose and two legs, standing or walking; slim, stout or blocky."""
    trunk, wide, deep = rng.uniform(0.9, 1.3), rng.uniform(0.55, 0.8), rng.uniform(0.3, 0.55)
    is_blocky, limb = rng.random() < 0.4, rng.uniform(0.1, 0.17)
    body = (
        box(deep, wide, trunk, taper=rng.uniform(0.9, 1.2)) if is_blocky else cushion(deep, wide, trunk, roundness=0.6)
    )
    parts = [Part(body, 0)]
    skull = rng.uniform(0.25, 0.36)
    crown = trunk / 2 + skull * 1.15
    head = cushion(2 * skull, 1.8 * skull, 2.1 * skull, roundness=0.35 if is_blocky else 1.0)
    parts.append(Part(head.moved(z=crown), 1))
    hat = int(rng.integers(3))
    if hat == 1:
        brim = join([cylinder(skull * 1.5, 0.07), cylinder(skull * 0.85, skull * 1.2).moved(z=skull * 0.6)])
        parts.append(Part(brim.moved(z=crown + skull * 0.75), 3))
    elif hat == 2:
        parts.append(Part(cylinder(skull, skull * 1.8, top=0.03, segments=12).moved(z=crown + skull * 1.5), 3))
    for side in (-1.0, 1.0):
        shoulder = np.array([0.0, side * wide / 2, trunk * 0.38])
        upper, lower = rng.uniform(0.4, 0.55), rng.uniform(0.35, 0.5)
        elbow = shoulder + upper * _limb_direction(side, rng.uniform(-20, 110), rng.uniform(-50, 50))
        hand = elbow + lower * _limb_direction(side, rng.uniform(-20, 150), rng.uniform(-30, 80))
        parts.append(Part(tube(np.array([shoulder, elbow, hand]), limb, sides=7), 0))
        parts.append(Part(ellipsoid(limb * 1.3, limb * 1.3, limb * 1.3, rings=5, segments=8).moved(*hand), 1))
    leg, stride, apart = rng.uniform(0.9, 1.4), rng.uniform(-35, 35), rng.uniform(0, 18)
    for side in (-1.0, 1.0):
        hip = np.array([0.0, side * wide * 0.27, -trunk / 2 + 0.05])
        foot = hip + leg * _limb_direction(side, apart, side * stride)
        parts.append(Part(tube(np.array([hip, foot]), [limb * 1.3, limb], sides=7), 2))
        parts.append(Part(box(0.4, limb * 2.2, 0.16).moved(foot[0] + 0.1, foot[1], foot[2]), 3))
    return parts


def _limb_direction(side: float, outward_deg: float, forward_deg: float) -> np.ndarray:
    """Direction of a limb: straight down, turned outward to its side, then forward."""
    outward, forward = np.radians([outward_deg, forward_deg])
    down = np.cos(outward)
    return np.array([down * np.sin(forward), side * np.sin(outward), -down * np.cos(forward)])


def _upright(outline: list[list[float]], thickness: float) -> Mesh:
    """A flat shape in the x-z plane of this thickness, for an outline in either direction."""
    points = np.array(outline)
    after = np.roll(points, -1, axis=0)
    area = np.sum(points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1])
    return prism(points if area > 0 else points[::-1], thickness).turned(x_deg=90)
