"""Measures frames while a bag is read: brightness, contrast, sharpness, change, and equality to the frame before."""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.quality.measured import Measured, Plot, percent, share
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_table import JointTable
from aassl_ros.errors import DataError

_WIDTH = 320  # blur that is not visible at this width does not matter for training
_GROUP = 300
_BRIGHT = 250
_HEADER = 12  # bytes with the stamp, which differs in equal frames
_MOVES = 0.002  # rad or m between two frames: the arm moves


@dataclass(frozen=True)
class FrameTable:
    """Numbers of one camera's frames, N in the bag and M decoded ones.

    stamps_ns, same: int64 and bool [N]; same: equal to the frame before, byte for byte. index: int64 [M], which were
    decoded. mean, bright, contrast, sharpness, change: float64 [M]; mean brightness (0 to 255), fraction of bright
    pixels, standard deviation of brightness, variance of the Laplacian over that of brightness, and mean difference to
    the frame before (NaN if that was not decoded). All are NaN for frames that cannot be decoded.
    """

    stamps_ns: NDArray[np.int64]
    same: NDArray[np.bool_]
    index: NDArray[np.int64]
    mean: NDArray[np.float64]
    bright: NDArray[np.float64]
    contrast: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    change: NDArray[np.float64]


class FrameMeasurer:
    """Takes the frames of one camera in order. Of many frames, groups of consecutive ones are decoded."""

    def __init__(self, reader: BagReader, count: int, thresholds: Thresholds) -> None:
        self._reader = reader
        groups = max(1, thresholds.frames_measured // _GROUP)
        self._spacing = max(_GROUP, count // groups) if count > thresholds.frames_measured else _GROUP
        self._stamps, self._same = array("q"), array("b")
        self._rows: list[tuple[int, float, float, float, float, float]] = []
        self._before: tuple[int, NDArray[np.float32]] | None = None
        self._sum: int | None = None

    def take(self, message: BagMessage, stamp_ns: int) -> None:
        """Measure a frame."""
        number = len(self._stamps)
        total = zlib.crc32(memoryview(message.data)[_HEADER:])
        self._stamps.append(stamp_ns)
        self._same.append(total == self._sum)
        self._sum = total
        if number % self._spacing < _GROUP:
            self._rows.append((number, *self._numbers(number, message)))

    def table(self) -> FrameTable:
        """The numbers so far."""
        rows = np.array(self._rows, np.float64).reshape(-1, 6)
        return FrameTable(
            np.array(self._stamps, np.int64), np.array(self._same, bool), rows[:, 0].astype(np.int64), *rows[:, 1:].T
        )

    def _numbers(self, number: int, message: BagMessage) -> tuple[float, float, float, float, float]:
        try:
            gray = _small_gray(self._reader, message)
        except DataError:
            self._before = None
            return (np.nan,) * 5
        light = gray.astype(np.float32)
        spread = float(light.std())
        edges = cv2.Laplacian(light, cv2.CV_32F)
        sharpness = float(edges.var()) / max(1e-6, spread**2)
        change = np.nan
        if self._before is not None and self._before[0] == number - 1 and self._before[1].shape == light.shape:
            change = float(np.abs(light - self._before[1]).mean())
        self._before = number, light
        return float(light.mean()), share(gray.reshape(-1) >= _BRIGHT), spread, sharpness, change


def _small_gray(reader: BagReader, message: BagMessage) -> NDArray[np.uint8]:
    """A frame as gray picture of at most _WIDTH columns. Raises DataError."""
    picture = messages.frame_from_message(reader.decode(message))
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    if width > _WIDTH:
        size = (_WIDTH, max(1, round(height * _WIDTH / width)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)


def measure_pictures(camera: str, frames: FrameTable, joints: JointTable, thresholds: Thresholds) -> Measured:
    """Count frames that are frozen, black, over-exposed, without content, blurred or unreadable.

    A frame is frozen if it is one of several equal frames while the arm moves. Without joint states, all count.
    """
    found = Measured(f"Pictures of {camera}")
    if not len(frames.index):
        found.notes.append("no frames")
        return found
    known = np.isfinite(frames.mean)
    shows = known & (frames.contrast >= thresholds.flat_below)
    best = float(np.percentile(frames.sharpness[shows], 90)) if shows.any() else 0.0
    black = known & (frames.mean < thresholds.black_below)
    over = known & (frames.bright >= thresholds.overexposed_pixels)
    kinds = {
        "unreadable": (~known, thresholds.max_unreadable),
        "black": (black, thresholds.max_black),
        "overexposed": (over, thresholds.max_overexposed),
        "without content": (known & ~shows & ~black & ~over, thresholds.max_flat),
        "blurred": (
            shows & (frames.sharpness < max(thresholds.min_sharpness, thresholds.blurred_below * best)),
            thresholds.max_blurred,
        ),
        "frozen": (_frozen(frames, joints, thresholds), thresholds.max_frozen),
    }
    for kind, (mask, most) in kinds.items():
        found.numbers[kind] = int(mask.sum())
        first = int(frames.index[np.argmax(mask)]) if kind != "frozen" else int(np.argmax(mask))
        found.require(
            share(mask) <= most,
            f"{camera}: {int(mask.sum())} of {len(mask)} frames are {kind} ({percent(share(mask))}, at most "
            f"{percent(most)}; the first is frame {first}).",
        )
    found.numbers |= {
        "decoded": len(frames.index),
        "frames": len(frames.stamps_ns),
        "brightness median": _median(frames.mean),
        "sharpness median": _median(frames.sharpness[shows]),
    }
    if len(frames.index) < len(frames.stamps_ns):
        found.notes.append(f"{len(frames.index)} of {len(frames.stamps_ns)} frames were decoded, in groups of {_GROUP}")
    times = (frames.stamps_ns[frames.index] - frames.stamps_ns[0]) / 1e9
    found.plots += [
        Plot("time (s)", "brightness (0 to 255)", times, {"mean": frames.mean}, thresholds.black_below),
        Plot(
            "time (s)",
            "sharpness",
            times,
            {"sharpness": frames.sharpness},
            max(thresholds.min_sharpness, thresholds.blurred_below * best),
        ),
    ]
    return found


def _median(values: NDArray[np.float64]) -> float | None:
    values = values[np.isfinite(values)]
    return round(float(np.median(values)), 5) if len(values) else None


def _frozen(frames: FrameTable, joints: JointTable, thresholds: Thresholds) -> NDArray[np.bool_]:
    """Which of the N frames are in a run of equal frames during which the arm moves."""
    same = frames.same
    starts = np.flatnonzero(~same)
    runs = np.diff(np.append(starts, len(same)))
    moved = np.full(len(starts), True)
    rising = joints.rising()
    if len(rising.stamps_ns):
        ends = frames.stamps_ns[starts + runs - 1]
        before, _ = rising.at(np.clip(frames.stamps_ns[starts], rising.stamps_ns[0], rising.stamps_ns[-1]))
        after, _ = rising.at(np.clip(ends, rising.stamps_ns[0], rising.stamps_ns[-1]))
        way = np.abs(after - before)
        moved = np.where(np.isfinite(way), way, 0.0).max(axis=1, initial=0.0) > _MOVES * runs
    return np.repeat((runs >= thresholds.frozen_frames) & moved, runs)
