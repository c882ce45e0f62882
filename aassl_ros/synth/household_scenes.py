"""Backgrounds of household pictures: a surface with clutter on it, out of focus or sharp, and the object's shadow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.sim.backgrounds import PLAIN, draw_background
from aassl_ros.sim.household.prints import draw_print

Picture = NDArray[np.float32]
_PRINTS = ("label", "cover", "stripes", "flowers", "logo", "patches", "tape", "rings")
_MOST_THINGS = 5


def draw_scene(rng: np.random.Generator, size: int, clutter: float) -> Picture:
    """Draw a background with things in it: float32 [size, size, 3] from 0 to 1.

    clutter: from 0 (plain gray) to 1.
    """
    picture = np.ascontiguousarray(draw_background(rng, size, clutter))
    if rng.random() < 0.35 * clutter:
        picture = _mixed(picture, _print(rng, size), 0.7 * clutter)
    for _ in range(int(rng.integers(0, 1 + round(_MOST_THINGS * clutter)))):
        _put_thing(rng, picture, clutter)
    if rng.random() < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.004, 0.03)) * size), np.float32)
    return np.asarray(picture, np.float32)


def shaded_by(rng: np.random.Generator, scene: Picture, alpha: Picture, strength: float) -> Picture:
    """The scene with a soft shadow of the object. alpha: float32 [size, size], share of the pixel that is covered."""
    size = len(alpha)
    shift = rng.uniform(-0.12, 0.12, 2) * size
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    fallen = cv2.GaussianBlur(cv2.warpAffine(alpha, move, (size, size)), (0, 0), float(rng.uniform(0.01, 0.06)) * size)
    darker = strength * rng.uniform(0.0, 0.8)
    return np.asarray(scene * (1.0 - darker * fallen[..., None]), np.float32)


def _put_thing(rng: np.random.Generator, picture: Picture, clutter: float) -> None:
    """Draw a thing with its shadow into the picture: a printed or plain polygon, disc or bar."""
    size = len(picture)
    place, extent = rng.uniform(0.0, size, 2), rng.uniform(0.08, 0.35) * size
    mask = np.zeros((size, size), np.float32)
    kind = int(rng.integers(3))
    if kind == 0:
        axes = (max(1, int(extent)), max(1, int(extent * rng.uniform(0.3, 1.0))))
        cv2.ellipse(
            mask, (int(place[0]), int(place[1])), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1, cv2.LINE_AA
        )
    elif kind == 1:
        end = place + extent * 2.5 * rng.uniform(-1, 1, 2)
        thick = max(1, int(extent * rng.uniform(0.1, 0.5)))
        cv2.line(mask, (int(place[0]), int(place[1])), (int(end[0]), int(end[1])), 1.0, thick, cv2.LINE_AA)
    else:
        corners = int(rng.integers(3, 8))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        outline = place + extent * rng.uniform(0.5, 1.1, (corners, 1)) * np.column_stack([np.cos(angle), np.sin(angle)])
        cv2.fillPoly(mask, [outline.astype(np.int32)], 1.0, cv2.LINE_AA)
    shadow = np.roll(cv2.GaussianBlur(mask, (0, 0), 0.02 * size), rng.integers(-4, 5, 2), axis=(0, 1))
    picture *= (1.0 - 0.5 * clutter * shadow)[..., None]
    look = _print(rng, size) if rng.random() < 0.4 else PLAIN + clutter * (rng.uniform(0, 1, 3) - PLAIN)
    slope = rng.uniform(-0.3, 0.3, 2)
    steps = np.linspace(-1.0, 1.0, size)
    light = 1.0 + slope[0] * steps[:, None, None] + slope[1] * steps[None, :, None]
    share = mask[..., None] * (0.4 + 0.6 * clutter)
    picture[:] = np.clip(picture * (1 - share) + share * look * light, 0.0, 1.0)


def _print(rng: np.random.Generator, size: int) -> Picture:
    printed = draw_print(rng, _PRINTS[int(rng.integers(len(_PRINTS)))])
    return np.asarray(cv2.resize(printed, (size, size), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255.0)


def _mixed(first: Picture, second: Picture, share: float) -> Picture:
    return np.asarray(first * (1.0 - share) + second * share, np.float32)
