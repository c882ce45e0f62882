"""Prints: labels with words, logos and barcodes, book covers, screens, dials, stripes, flowers, and scratches."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
SIDE = 160
_SYLLABLES = ("ka", "lo", "mi", "ra", "zen", "tor", "ve", "nu", "pla", "sol", "bri", "dex", "fi", "gan", "ho", "jum")
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)


def draw_print(rng: np.random.Generator, kind: str) -> Picture:
    """Draw a print of this kind: uint8 [SIDE, SIDE, 3] RGB.

    kind: label, cover, tape, screen, dial, stripes, rings, patches, flowers or logo.
    """
    picture: Picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[:] = _colour(rng)
    {
        "label": _label, "cover": _cover, "tape": _tape, "screen": _screen, "dial": _dial, "stripes": _stripes,
        "rings": _rings, "patches": _patches, "flowers": _flowers, "logo": _logo,
    }[kind](rng, picture)  # fmt: skip
    return picture


def draw_scratches(rng: np.random.Generator, amount: float) -> NDArray[np.float32]:
    """Draw wear: float32 [SIDE, SIDE], a factor of the colour; 1 where the surface is whole.

    amount: from 0 (new) to 1 (many scratches and stains).
    """
    wear = np.ones((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(0, 4 + int(40 * amount)))):
        begin, angle = rng.uniform(0, SIDE, 2), rng.uniform(0, 2 * np.pi)
        end = begin + rng.uniform(5, 60) * np.array([np.cos(angle), np.sin(angle)])
        level = 1.0 + amount * rng.uniform(-0.6, 0.8)
        cv2.line(wear, _point(begin), _point(end), float(level), int(rng.integers(1, 3)), cv2.LINE_AA)
    stains = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(int(rng.integers(0, 1 + int(6 * amount)))):
        cv2.circle(stains, _point(rng.uniform(0, SIDE, 2)), int(rng.integers(4, 22)), float(rng.uniform(0.1, 0.5)), -1)
    return np.asarray(wear * (1.0 - amount * cv2.GaussianBlur(stains, (0, 0), 3.0)), np.float32)


def draw_word(rng: np.random.Generator) -> str:
    """A brand-like word."""
    word = "".join(_SYLLABLES[int(rng.integers(len(_SYLLABLES)))] for _ in range(int(rng.integers(1, 4))))
    return word.upper() if rng.random() < 0.5 else word.capitalize()


def _label(rng: np.random.Generator, picture: Picture) -> None:
    band = int(rng.integers(20, 70))
    top = int(rng.integers(0, SIDE - band))
    cv2.rectangle(picture, (0, top), (SIDE, top + band), _ink(rng), -1)
    if rng.random() < 0.6:
        _logo(rng, picture)
    _write(rng, picture, (int(rng.integers(2, 40)), top + band // 2 + 10), float(rng.uniform(0.7, 1.3)), 2)
    for line in range(int(rng.integers(0, 5))):
        _write(rng, picture, (int(rng.integers(2, 90)), 110 + 10 * line), 0.3, 1)
    if rng.random() < 0.6:
        _barcode(rng, picture)


def _cover(rng: np.random.Generator, picture: Picture) -> None:
    kind = int(rng.integers(3))
    if kind == 0:
        ramp = np.linspace(0.0, 1.0, SIDE)[:, None, None]
        picture[:] = ((1 - ramp) * picture + ramp * np.array(_colour(rng))).astype(np.uint8)
    elif kind == 1:
        _flowers(rng, picture)
    for _ in range(int(rng.integers(1, 4))):
        _logo(rng, picture)
    for line in range(int(rng.integers(1, 4))):
        _write(rng, picture, (int(rng.integers(4, 30)), 30 + 32 * line), float(rng.uniform(0.7, 1.2)), 2)
    cv2.rectangle(picture, (4, 4), (SIDE - 5, SIDE - 5), _ink(rng), int(rng.integers(1, 4)))


def _tape(rng: np.random.Generator, picture: Picture) -> None:
    cv2.rectangle(picture, (66, 0), (94, SIDE), _ink(rng), -1)
    cv2.rectangle(picture, (100, 96), (152, 140), (245, 245, 240), -1)
    for line in range(4):
        _write(rng, picture, (103, 106 + 9 * line), 0.25, 1)
    if rng.random() < 0.5:
        _logo(rng, picture)


def _screen(rng: np.random.Generator, picture: Picture) -> None:
    if rng.random() < 0.3:
        picture[:] = np.array(_colour(rng)) // 8
        return
    for row in range(5):
        for column in range(4):
            corner = (12 + 36 * column, 20 + 28 * row)
            if rng.random() < 0.85:
                cv2.rectangle(picture, corner, (corner[0] + 22, corner[1] + 18), _ink(rng), -1)
    _write(rng, picture, (10, 14), 0.4, 1)


def _dial(rng: np.random.Generator, picture: Picture) -> None:
    picture[:] = (244, 242, 235) if rng.random() < 0.6 else _colour(rng)
    ink, middle = _ink(rng), SIDE / 2
    for hour in range(12):
        out = np.array([np.sin(hour * np.pi / 6), -np.cos(hour * np.pi / 6)])
        if rng.random() < 0.8:
            cv2.line(picture, _point(middle + 58 * out), _point(middle + 68 * out), ink, 3, cv2.LINE_AA)
        if hour % 3 == 0:
            place = _point(middle + 46 * out + np.array([-8, 7]))
            cv2.putText(picture, str(hour or 12), place, cv2.FONT_HERSHEY_DUPLEX, 0.6, ink, 1, cv2.LINE_AA)
    cv2.circle(picture, (SIDE // 2, SIDE // 2), 72, ink, 2, cv2.LINE_AA)


def _stripes(rng: np.random.Generator, picture: Picture) -> None:
    inks = [_ink(rng) for _ in range(int(rng.integers(1, 4)))]
    upright, place = rng.random() < 0.3, 0
    while place < SIDE:
        wide = int(rng.integers(4, 30))
        cut = slice(place, place + wide)
        if rng.random() < 0.5:
            picture[(slice(None), cut) if upright else cut] = inks[int(rng.integers(len(inks)))]
        place += wide


def _rings(rng: np.random.Generator, picture: Picture) -> None:
    for _ in range(int(rng.integers(1, 5))):
        cv2.circle(
            picture, (SIDE // 2, SIDE // 2), int(rng.integers(10, 78)), _ink(rng), int(rng.integers(1, 9)), cv2.LINE_AA
        )


def _patches(rng: np.random.Generator, picture: Picture) -> None:
    ink, sides = _ink(rng), int(rng.integers(5, 7))
    for row in range(4):
        for column in range(4):
            middle = np.array([20 + 40 * column + 20 * (row % 2), 20 + 40 * row])
            angle = np.arange(sides) * 2 * np.pi / sides
            points = middle + 14 * np.column_stack([np.cos(angle), np.sin(angle)])
            cv2.fillPoly(picture, [points.astype(np.int32)], ink, cv2.LINE_AA)


def _flowers(rng: np.random.Generator, picture: Picture) -> None:
    for _ in range(int(rng.integers(6, 22))):
        middle, size = rng.uniform(0, SIDE, 2), rng.uniform(4, 14)
        petals, ink = int(rng.integers(4, 8)), _ink(rng)
        for petal in range(petals):
            out = np.array([np.cos(2 * np.pi * petal / petals), np.sin(2 * np.pi * petal / petals)])
            cv2.circle(picture, _point(middle + size * out), max(2, int(size * 0.6)), ink, -1, cv2.LINE_AA)
        cv2.circle(picture, _point(middle), max(2, int(size * 0.5)), _ink(rng), -1, cv2.LINE_AA)


def _logo(rng: np.random.Generator, picture: Picture) -> None:
    middle, size, kind = rng.uniform(30, SIDE - 30, 2), rng.uniform(12, 40), int(rng.integers(4))
    if kind == 0:
        cv2.circle(picture, _point(middle), int(size), _ink(rng), -1, cv2.LINE_AA)
        cv2.circle(picture, _point(middle), int(size * 0.6), _ink(rng), -1, cv2.LINE_AA)
    elif kind == 1:
        axes = (int(size * 1.3), int(size * 0.6))
        cv2.ellipse(picture, _point(middle), axes, float(rng.uniform(0, 180)), 0, 360, _ink(rng), -1, cv2.LINE_AA)
    else:
        corners = int(rng.integers(3, 11))
        angle = np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 7)
        radius = size * np.where(np.arange(corners) % 2, rng.uniform(0.4, 1.0), 1.0)
        star = middle + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        cv2.fillPoly(picture, [star.astype(np.int32)], _ink(rng), cv2.LINE_AA)
    if rng.random() < 0.7:
        _write(rng, picture, _point(middle + np.array([-size, size * 0.3])), float(size / 32), 2)


def _barcode(rng: np.random.Generator, picture: Picture) -> None:
    left, top = int(rng.integers(5, 90)), int(rng.integers(100, 125))
    picture[top : top + 30, left : left + 56] = 250
    for bar in np.flatnonzero(rng.random(25) < 0.5):
        picture[top + 2 : top + 26, left + 3 + 2 * bar : left + 5 + 2 * bar] = 10


def _write(rng: np.random.Generator, picture: Picture, place: tuple[int, int], size: float, thick: int) -> None:
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    cv2.putText(picture, draw_word(rng), place, font, size, _ink(rng), thick, cv2.LINE_AA)


def _point(place: NDArray[np.float64]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.0, 0.9), rng.uniform(0.3, 1.0))
    return int(255 * red), int(255 * green), int(255 * blue)


def _ink(rng: np.random.Generator) -> tuple[int, int, int]:
    """A colour of any brightness, often black or white."""
    chance = rng.random()
    if chance < 0.2:
        return 15, 15, 20
    return (248, 248, 245) if chance < 0.4 else _colour(rng)
