"""Joints: idle stretches, the step of the encoders, and states at or beyond the limits."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.quality.measured import Floats, Measured, Plot, percent, share
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams.joint_table import JointTable

# Speeds are measured over this time, so that noise and encoder steps do not look like motion.
_SPEED_OVER_NS = 200_000_000
_FEWEST_VALUES = 20
_MOST_VALUES = 200_000
_MOST_OF_RANGE = 0.005


def measure_idle(joints: JointTable, thresholds: Thresholds) -> Measured:
    """Find stretches in which no joint moves."""
    found = Measured("Idle stretches")
    rising = joints.rising()
    if len(rising.stamps_ns) < 2:
        found.notes.append("no joint states")
        return found
    first, last = int(rising.stamps_ns[0]), int(rising.stamps_ns[-1])
    grid = np.arange(first, last, _SPEED_OVER_NS)
    position, _ = rising.at(grid)
    way = np.nan_to_num(np.abs(np.diff(position, axis=0)))
    speed = way.max(axis=1, initial=0.0) / (_SPEED_OVER_NS / 1e9)
    still = speed < thresholds.idle_speed
    starts, lengths = _runs(still)
    long = lengths * _SPEED_OVER_NS / 1e9 >= thresholds.idle_s
    seconds = float((lengths[long]).sum()) * _SPEED_OVER_NS / 1e9
    total = (last - first) / 1e9
    idle = seconds / total if total else 0.0
    found.numbers |= {
        "stretches": int(long.sum()),
        "idle (s)": round(seconds, 1),
        "idle (fraction)": round(idle, 4),
        "longest (s)": round(float(lengths.max(initial=0)) * _SPEED_OVER_NS / 1e9, 1),
    }
    where = f", the first {grid[starts[long][0]] / 1e9 - first / 1e9:.1f} s after the start" if long.any() else ""
    found.require(
        idle <= thresholds.max_idle,
        f"The arm is idle for {seconds:.1f} of {total:.1f} s{where} ({percent(idle)}, at most "
        f"{percent(thresholds.max_idle)}).",
    )
    times = (grid[:-1] - first) / 1e9
    found.plots.append(Plot("time (s)", "fastest joint (rad/s)", times, {"speed": speed}, thresholds.idle_speed))
    return found


def measure_encoders(joints: JointTable, thresholds: Thresholds) -> Measured:
    """Find the step of each joint's encoder: the smallest difference of which all others are multiples."""
    found = Measured("Encoder steps")
    for name, values in zip(joints.names, joints.position.T, strict=True):
        step = encoder_step(values)
        found.numbers[name] = None if step is None else float(f"{step:.4g}")
        if step is not None:
            found.require(
                step <= thresholds.max_encoder_step,
                f"{name}: the encoder has steps of {step:.4g} rad or m, expected at most "
                f"{thresholds.max_encoder_step:g}.",
            )
    return found


def encoder_step(values: Floats) -> float | None:
    """The step of an encoder. values: float64 [N], positions of one joint. None: it has no step that can be seen."""
    known = values[np.isfinite(values)][:_MOST_VALUES]
    levels = np.unique(known)
    if len(levels) < 3 or len(known) < _FEWEST_VALUES or len(levels) > len(known) / 2:
        return None
    gaps = np.diff(levels)
    # float32 positions and rounding make levels that differ by almost nothing.
    gaps = gaps[gaps > 1e-7]
    if len(gaps) < 2:
        return None
    step = float(np.percentile(gaps, 10))
    times = gaps / step
    return step if share(np.abs(times - np.round(times)) < 0.1) > 0.95 else None


class JointLimits(NamedTuple):
    """Lowest and highest position, rad or m. slides: a sliding joint, such as a finger, which rests at its ends."""

    low: float
    high: float
    slides: bool = False


def measure_limits(joints: JointTable, limits: dict[str, JointLimits], thresholds: Thresholds) -> Measured:
    """Count states at or beyond the limits of the joints; of sliding joints, only those beyond.

    The margin is at most 0.5 % of a joint's range, because that of a finger is small.
    """
    found = Measured("Joint limits")
    for name, values in zip(joints.names, joints.position.T, strict=True):
        if name not in limits:
            continue
        low, high, slides = limits[name]
        known = values[np.isfinite(values)]
        if not len(known):
            continue
        margin = min(thresholds.limit_margin, _MOST_OF_RANGE * (high - low))
        at = (known <= low + margin) | (known >= high - margin)
        beyond = (known < low - margin) | (known > high + margin)
        wrong = beyond if slides else at
        found.numbers[name] = f"{percent(share(at))} at, {percent(share(beyond))} beyond [{low:g}, {high:g}]"
        found.require(
            share(wrong) <= thresholds.max_at_limit,
            f"{name}: {percent(share(wrong))} of the states are at or beyond a limit ({low:g} to {high:g}; found "
            f"{known.min():.4g} to {known.max():.4g}), at most {percent(thresholds.max_at_limit)}.",
        )
    if not limits:
        found.notes.append("limits are unknown: the bag holds no robot description with limits")
    return found


def limits_of(urdf: str) -> dict[str, JointLimits]:
    """The limits of the turning and sliding joints in a URDF; none if it cannot be read."""
    try:
        joints = list(ElementTree.fromstring(urdf).iter("joint")) if urdf else []
    except ElementTree.ParseError:
        return {}
    found = {}
    for joint in joints:
        limit = joint.find("limit")
        if limit is None or joint.get("type") not in ("revolute", "prismatic"):
            continue
        try:
            low, high = float(limit.get("lower", "0")), float(limit.get("upper", "0"))
        except ValueError:
            continue
        if low < high:
            found[joint.get("name", "")] = JointLimits(low, high, joint.get("type") == "prismatic")
    return found


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and lengths of the runs of true values."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return starts, ends - starts
