"""Labels and losses: episodes with object and category, frames in episodes, and what the recorder counted as lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aassl_ros.data.quality.measured import Measured, percent
from aassl_ros.data.quality.pictures import FrameTable
from aassl_ros.data.quality.thresholds import Thresholds
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.data.streams.ledger import Ledger


def measure_labels(episodes: Sequence[Episode], frames: Sequence[FrameTable], thresholds: Thresholds) -> Measured:
    """Measure how much of a bag is in episodes, and how many of these have instance and category."""
    found = Measured("Labels")
    used = [episode for episode in episodes if not episode.discarded]
    labelled = sum(bool(episode.instance and episode.category) for episode in used)
    stamps = np.concatenate([table.stamps_ns for table in frames]) if frames else np.zeros(0, np.int64)
    inside = np.zeros(len(stamps), bool)
    for one in used:
        inside |= (stamps >= one.start_ns) & (stamps < (one.stop_ns if one.stop_ns is not None else np.inf))
    covered = float(inside.mean()) if len(inside) else 0.0
    found.numbers |= {
        "episodes": len(used),
        "discarded": len(episodes) - len(used),
        "with instance and category": labelled,
        "objects": len({episode.instance for episode in used}),
        "categories": len({episode.category for episode in used if episode.category}),
        "frames in episodes (fraction)": round(covered, 4),
    }
    found.require(
        len(used) >= thresholds.min_episodes,
        f"{len(used)} episodes, expected at least {thresholds.min_episodes}. Mark them with aassl bag label.",
    )
    if used:
        found.require(
            labelled / len(used) >= thresholds.min_labelled,
            f"{labelled} of {len(used)} episodes have instance and category, expected at least "
            f"{percent(thresholds.min_labelled)}. Label them with aassl bag label.",
        )
    found.require(
        covered >= thresholds.min_in_episodes,
        f"{percent(covered)} of the frames are in episodes, expected at least {percent(thresholds.min_in_episodes)}.",
    )
    return found


def measure_ledger(ledger: Ledger | None, thresholds: Thresholds) -> Measured:
    """Measure what the recorder lost."""
    found = Measured("Ledger")
    if ledger is None:
        found.notes.append("no ledger: not recorded by aassl, or not closed")
        return found
    total = sum(topic.written + topic.dropped + topic.lost for topic in ledger.topics.values())
    lost = ledger.messages_dropped / total if total else 0.0
    found.numbers |= {"messages lost or dropped": ledger.messages_dropped, "lost (fraction)": round(lost, 6)}
    found.numbers |= ledger.problems()
    found.require(
        lost <= thresholds.max_lost,
        f"{ledger.messages_dropped} of {total} messages were lost or dropped ({percent(lost)}, at most "
        f"{percent(thresholds.max_lost)}).",
    )
    return found
