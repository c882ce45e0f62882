"""Rate, jitter, gaps, order of the stamps, and the time from stamp to receipt, of one topic."""

from __future__ import annotations

import numpy as np

from aassl_ros.data.quality.measured import Measured, Plot, percent, share
from aassl_ros.data.quality.streams import Times
from aassl_ros.data.quality.thresholds import Thresholds

# Beyond this, stamps and receipts are of different clocks.
_OTHER_CLOCK_S = 5.0


def measure_timing(name: str, times: Times, thresholds: Thresholds, *, camera: bool) -> Measured:
    """Measure a topic by its stamps, or by its receipts if it has none.

    Args:
        name: of the topic.
        times: its times.
        thresholds: for cameras and for joint states.
        camera: which of the two it is.
    """
    found = Measured(f"Timing of {name}")
    stamps = times.stamp_ns if (times.stamp_ns > 0).any() else times.log_ns
    if len(stamps) < 3:
        found.notes.append(f"only {len(stamps)} messages")
        return found
    newest = np.maximum.accumulate(stamps)
    late = stamps[1:] <= newest[:-1]
    periods = np.diff(stamps[np.concatenate([[True], ~late])]) / 1e9
    if not len(periods):
        found.problems.append(f"{name}: the stamps never rise.")
        return found
    median = float(np.median(periods))
    jitter = float(np.percentile(np.abs(periods - median), 95)) / median
    gap = float(periods.max())
    found.numbers |= {
        "messages": len(stamps),
        "rate (Hz)": round(1 / median, 3),
        "jitter (periods)": round(jitter, 4),
        "longest gap (s)": round(gap, 4),
        "stamps not rising": int(late.sum()),
        "stamps missing": int((times.stamp_ns <= 0).sum()),
    }
    least, widest = (
        (thresholds.min_frame_hz, thresholds.max_frame_gap_s)
        if camera
        else (thresholds.min_joint_hz, thresholds.max_joint_gap_s)
    )
    found.require(1 / median >= least, f"{name}: {1 / median:.3g} Hz, expected at least {least:g} Hz.")
    found.require(
        jitter <= thresholds.max_jitter,
        f"{name}: the jitter is {jitter:.3g} periods, expected at most {thresholds.max_jitter:g}.",
    )
    where = (stamps[0] + np.cumsum(periods)[int(periods.argmax())] * 1e9 - stamps[0]) / 1e9 - gap
    found.require(
        gap <= widest, f"{name}: a gap of {gap:.3g} s, {where:.3f} s after its start, expected at most {widest:g} s."
    )
    found.require(
        share(late) <= thresholds.max_unordered,
        f"{name}: {int(late.sum())} stamps are equal to or older than one before ({percent(share(late))}).",
    )
    _measure_receipt(name, times, thresholds, found)
    found.plots.append(Plot("time (s)", "period (ms)", np.cumsum(periods), {"period": 1e3 * periods}, 1e3 * widest))
    return found


def _measure_receipt(name: str, times: Times, thresholds: Thresholds, found: Measured) -> None:
    stamped = times.stamp_ns > 0
    if not stamped.any():
        found.notes.append("no stamps: the times of receipt were measured")
        return
    delay = (times.log_ns - times.stamp_ns)[stamped] / 1e9
    if abs(float(np.median(delay))) > _OTHER_CLOCK_S:
        found.notes.append("stamps and receipts are of different clocks: no time from stamp to receipt")
        return
    high = float(np.percentile(delay, 95))
    found.numbers |= {
        "stamp to receipt, median (ms)": round(1e3 * float(np.median(delay)), 3),
        "stamp to receipt, 95 % (ms)": round(1e3 * high, 3),
    }
    found.require(
        high <= thresholds.max_receipt_s,
        f"{name}: received {high:.3g} s after the stamp (95th percentile), expected at most "
        f"{thresholds.max_receipt_s:g} s.",
    )
