"""What to say of joint states that could not be used, and which setting would help."""

from __future__ import annotations

from collections.abc import Sequence

from aassl_ros.data.streams.joints import BRACKET_TOO_WIDE, PARTLY_FINITE
from aassl_ros.data.streams.sync import SyncCounts

# The suggested bracket keeps this part of the frames: one long gap must not decide.
_KEPT = 0.95
# Clocks that differ by less may be latency.
_CLOCKS_DIFFER_S = 1.0


def joint_notes(counts: SyncCounts, publishers_problem: str, clock_difference_s: float) -> list[str]:
    """Describe what was wrong with the joint states of a bag.

    Args:
        counts: of its synchronizer.
        publishers_problem: which publishers are mixed; empty if none are.
        clock_difference_s: stamp minus receipt of frames, less that of joint states, s.

    Returns:
        One line for each problem.
    """
    dropped = counts.joint_states_dropped
    notes = [f"{count} joint states dropped: {reason}" for reason, count in dropped.items() if reason != PARTLY_FINITE]
    if partly := dropped[PARTLY_FINITE]:
        notes.append(f"of {partly} joint states {PARTLY_FINITE}")
    if publishers_problem:
        notes.append(publishers_problem)
    if lost := counts.rejected[BRACKET_TOO_WIDE]:
        bound_s = suggested_bracket_s(sorted(counts.too_wide_ms.elements()))
        notes.append(
            f"joint states come too rarely for {lost} frames: --max-bracket-s {bound_s:g} interpolates over their gaps"
        )
    if abs(clock_difference_s) > _CLOCKS_DIFFER_S:
        notes.append(
            f"the clocks of frames and joint states differ by {clock_difference_s:.3f} s: "
            f"--joint-stamp-offset-s {clock_difference_s:.3f} brings them together"
        )
    return notes


def suggested_bracket_s(too_wide_ms: Sequence[int]) -> float:
    """The bracket that keeps most of the frames, rounded up to 10 ms.

    Args:
        too_wide_ms: brackets of frames without a sample, ms, rising; at least one.
    """
    kept = too_wide_ms[min(len(too_wide_ms) - 1, int(_KEPT * len(too_wide_ms)))]
    return -(-kept // 10) / 100
