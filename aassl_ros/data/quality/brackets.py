"""The time between the two joint states around each frame: wide ones make the interpolated state wrong."""

from __future__ import annotations

import numpy as np

from aassl_ros.data.quality.measured import Measured, percent
from aassl_ros.data.quality.pictures import FrameTable
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams.joint_table import JointTable


def measure_brackets(camera: str, frames: FrameTable, joints: JointTable, thresholds: Thresholds) -> Measured:
    """Measure the brackets of a camera's frames. Frames before the first and after the last state do not count."""
    found = Measured(f"Joint states around the frames of {camera}")
    rising = joints.rising()
    if not len(rising.stamps_ns) or not len(frames.stamps_ns):
        found.notes.append("no frames or no joint states")
        return found
    _, width = rising.at(frames.stamps_ns)
    inside = (frames.stamps_ns >= rising.stamps_ns[0]) & (frames.stamps_ns <= rising.stamps_ns[-1])
    known = width[inside & (width >= 0)] / 1e9
    wide = int((known > thresholds.max_bracket_s).sum()) + int((inside & (width < 0)).sum())
    total = int(inside.sum())
    found.numbers |= {
        "median (ms)": round(1e3 * float(np.median(known)), 3) if len(known) else None,
        "widest (ms)": round(1e3 * float(known.max()), 3) if len(known) else None,
        "too wide": wide,
        "frames before or after the joint states": len(frames.stamps_ns) - total,
    }
    if total == 0:
        found.problems.append(f"{camera}: no frame is between two joint states: are their clocks the same?")
        return found
    found.require(
        wide / total <= thresholds.max_wide_brackets,
        f"{camera}: the joint states around {wide} of {total} frames are more than {thresholds.max_bracket_s:g} s "
        f"apart ({percent(wide / total)}, at most {percent(thresholds.max_wide_brackets)}).",
    )
    return found
