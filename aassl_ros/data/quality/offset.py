"""The offset between the stamps of camera and joints, from motion: the picture changes when the joints move.

The change between two frames is compared with the way of the joints between the frames' stamps, shifted by many
offsets. At each offset, the change is fitted as a sum of the ways of the joints with weights that are not negative,
because joints move the picture by different amounts. The best fit is the offset, and a parabola through its
neighbours gives a part of a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.quality.measured import Measured, Plot
from aassl_ros.data.quality.pictures import FrameTable
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams.joint_table import JointTable

Floats = NDArray[np.float64]

_RANGE_S, _STEP_S = 0.4, 0.005
_PARTS = 5
_MOVES = 1e-3  # rad or m, in all
_FEWEST = 40
_SWEEPS = 60
# Of many joints, those that move most.
_MOST_JOINTS = 12
# The standard error with which a result is still likely.
_AGREEMENT_S = 0.02


@dataclass(frozen=True)
class StampOffset:
    """The offset between camera and joints.

    seconds: what must be added to the stamps of the joint states (or subtracted from those of the frames).
    correlation: of picture and joints at that offset, 0 to 1. spread_s: its standard error, from parts of the bag.
    confidence: 0 to 1. offsets_s, correlations: float64 [K], the whole curve.
    """

    seconds: float
    correlation: float
    spread_s: float
    confidence: float
    offsets_s: Floats
    correlations: Floats


def estimate_offset(stamps_ns: NDArray[np.int64], change: Floats, joints: JointTable) -> StampOffset | None:
    """Estimate the offset.

    Args:
        stamps_ns: int64 [F], of frames.
        change: float64 [F], difference of each frame to the one before it in `stamps_ns`; NaN if unknown.
        joints: the joint states.

    Returns:
        The offset; None if there are too few frames, or nothing moves.
    """
    rising = joints.rising()
    if len(stamps_ns) < _FEWEST or len(rising.stamps_ns) < _FEWEST:
        return None
    offsets = _STEP_S * np.arange(-round(_RANGE_S / _STEP_S), round(_RANGE_S / _STEP_S) + 1, dtype=np.float64)
    most = np.nan_to_num(_ways(rising, stamps_ns, 0.0)).sum(axis=0)
    moving = np.argsort(most)[::-1][:_MOST_JOINTS]
    moving = moving[most[moving] > _MOVES]
    if not len(moving):
        return None
    ways = np.stack([_ways(rising, stamps_ns, offset)[:, moving] for offset in offsets])  # [K, F - 1, J]
    target = change[1:]
    # The same frames at each offset: else a fit of fewer frames could win.
    usable = np.isfinite(target) & np.isfinite(ways).all(axis=(0, 2)) & (np.diff(stamps_ns) > 0)
    if usable.sum() < _FEWEST or float(target[usable].std()) < 1e-6:
        return None
    ways, target = ways[:, usable], target[usable]
    curve = _curve(ways, target)
    best = _peak(offsets, curve)
    parts = [_peak(offsets, _curve(ways[:, rest], target[rest])) for rest in _all_but_one(len(target))]
    # The standard error by jackknife.
    spread = float(np.sqrt((len(parts) - 1) * np.var(parts)))
    top = float(curve.max())
    at_edge = curve.argmax() in (0, len(curve) - 1)
    confidence = 0.0 if at_edge else max(0.0, min(1.0, top)) * float(np.exp(-((spread / _AGREEMENT_S) ** 2) / 2))
    # Joints at stamp t + best look like the frame at t, so -best brings the joints to the frames.
    return StampOffset(-best, top, spread, confidence, -offsets[::-1], curve[::-1])


def _ways(joints: JointTable, stamps_ns: NDArray[np.int64], offset_s: float) -> Floats:
    """How far each joint moves between consecutive stamps that are shifted by an offset, float64 [F - 1, J]."""
    position, _ = joints.at(stamps_ns + round(offset_s * 1e9))
    return np.abs(np.diff(position, axis=0))


def _curve(ways: Floats, target: Floats) -> Floats:
    """The correlation of the best sum of ways [K, n, J] with the target [n], at each offset; float64 [K]."""
    if not len(target) or float(target.std()) < 1e-9:
        return np.zeros(len(ways))
    centred = ways - ways.mean(axis=1, keepdims=True)
    aim = target - target.mean()
    weights = _weights(np.einsum("knj,kni->kji", centred, centred), np.einsum("knj,n->kj", centred, aim))
    guess = np.einsum("knj,kj->kn", centred, weights)
    norms = np.linalg.norm(guess, axis=1) * np.linalg.norm(aim)
    return np.where(norms > 1e-12, np.maximum(guess @ aim, 0.0) / np.maximum(norms, 1e-12), 0.0)


def _weights(gram: Floats, moment: Floats) -> Floats:
    """Least squares with weights that are not negative, by coordinate descent. [K, J, J] and [K, J] to [K, J]."""
    weights = np.zeros_like(moment)
    for _ in range(_SWEEPS):
        for joint in range(moment.shape[1]):
            scale = gram[:, joint, joint]
            rest = moment[:, joint] - np.einsum("ki,ki->k", gram[:, joint], weights) + scale * weights[:, joint]
            weights[:, joint] = np.maximum(rest, 0.0) / np.maximum(scale, 1e-12)
    return weights


def _peak(offsets: Floats, curve: Floats) -> float:
    top = int(curve.argmax())
    if top in (0, len(curve) - 1):
        return float(offsets[top])
    left, middle, right = curve[top - 1 : top + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(offsets[top] + shift * _STEP_S)


def _all_but_one(count: int) -> list[NDArray[np.int64]]:
    """For each of some parts of the bag: the frames of all the others."""
    part = np.arange(count) * _PARTS // count
    return [np.flatnonzero(part != left_out) for left_out in range(_PARTS)]


def measure_offset(camera: str, frames: FrameTable, joints: JointTable, thresholds: Thresholds) -> Measured:
    """Measure the offset of a camera, and offer it if it is certain."""
    found = Measured(f"Offset between {camera} and the joints")
    estimate = estimate_offset(frames.stamps_ns[frames.index], frames.change, joints)
    if estimate is None:
        found.notes.append("too few frames, or nothing moves")
        return found
    found.numbers |= {
        "joint_stamp_offset_s": round(estimate.seconds, 4),
        "correlation": round(estimate.correlation, 3),
        "spread (s)": round(estimate.spread_s, 4),
        "confidence": round(estimate.confidence, 3),
    }
    found.plots.append(
        Plot(
            "added to the stamps of the joint states (s)",
            "correlation",
            estimate.offsets_s,
            {"correlation": estimate.correlations},
        )
    )
    if estimate.confidence < thresholds.min_offset_confidence:
        found.notes.append("motion does not tell the offset with certainty")
    elif abs(estimate.seconds) > thresholds.max_offset_s:
        found.problems.append(
            f"{camera}: motion shows that the joint states are stamped {abs(estimate.seconds):.3f} s too "
            f"{'early' if estimate.seconds > 0 else 'late'}, expected at most {thresholds.max_offset_s:g} s. Prepare "
            f"with --joint-stamp-offset-s {estimate.seconds:.3f}, or record with joint_stamp_offset_s: "
            f"{estimate.seconds:.3f}."
        )
    return found
