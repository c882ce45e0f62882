"""Joins the parts of all sources to prepared data, and adds up their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.recorded_samples import Comparison
from aassl_ros.data.prepare.part_report import BagCounts
from aassl_ros.data.prepare.parts import PARTS, Part
from aassl_ros.data.prepare.report import PrepareReport, PrepareSettings
from aassl_ros.data.prepared.arrays import EpisodeRow
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.selection import append_data
from aassl_ros.data.prepared.writer import PreparedWriter
from aassl_ros.errors import DataError


@dataclass(frozen=True)
class SourcePart:
    """A part and the path or URL of its source. is_bag: else it is a picture folder."""

    source: str
    is_bag: bool
    part: Part


def join_parts(
    sources: Sequence[SourcePart],
    out: Path,
    settings: PrepareSettings,
    fingerprint: str,
    notes: Sequence[str],
    shown: Path | str,
) -> PrepareReport:
    """Write the data of all parts to `out`, in order.

    Args:
        sources: the parts.
        out: the folder.
        settings: of prepare.
        fingerprint: of all sources and the settings.
        notes: further lines for the user.
        shown: the name of the output in the report: `out` or its URL.

    Returns:
        The report.

    Raises:
        DataError: no frame can be used, two bags hold the same episode, or the data cannot be written.
    """
    _check_episodes([one for one in sources if one.is_bag])
    if not any(len(one.part.data) for one in sources):
        raise DataError(_nothing_left(sources))
    with PreparedWriter(out, settings.image_size) as writer:
        entries = []
        for one in sources:
            entries.append(one.part.to_json(writer.frames_written))
            append_data(writer, one.part.data)
        report = _report(sources, shown, notes, writer)
        continuous = [name for one in sources for name in one.part.report.continuous_joints]
        facts = {"report": report.to_json(), "settings": settings.stored(), PARTS: entries}
        writer.finish(fingerprint, continuous_joints=continuous, facts=facts)
    return report


def _report(
    sources: Sequence[SourcePart], path: Path | str, notes: Sequence[str], writer: PreparedWriter
) -> PrepareReport:
    counts, frames_of_set = BagCounts(), Counter[str]()
    for one in sources:
        counts.add(one.part.report.counts)
        for row in one.part.data.episodes:
            frames_of_set[row.set] += row.stop - row.start
    comparisons = [one.part.report.comparison for one in sources]
    return PrepareReport(
        path=path,
        already_there=False,
        bags=tuple(one.source for one in sources if one.is_bag),
        episodes=sum(len(one.part.data.episodes) for one in sources),
        frames_in_bags=counts.frames,
        frames=writer.frames_written,
        outside_episodes=counts.outside_episodes,
        without_sample=dict(counts.without_sample),
        unusable=dict(counts.unusable),
        messages_refused=dict(counts.messages_refused),
        frames_of_set=dict(frames_of_set),
        **_largest([each for each in comparisons if each is not None]),
        notes=(*notes, *(f"{one.source}: {note}" for one in sources for note in one.part.report.notes)),
        folders=tuple(one.source for one in sources if not one.is_bag),
        pictures=sum(one.part.report.pictures for one in sources),
        unreadable=sum(one.part.report.unreadable for one in sources),
        publishers_mixed=counts.publishers_mixed,
        image_size=writer.image_size,
    )


def _check_episodes(sources: Sequence[SourcePart]) -> None:
    """Raise DataError if two bags have frames of an episode at the same time, as a bag and its recovered copy do.

    An episode that is split between bags is allowed.
    """
    seen: dict[tuple[str, str], list[tuple[int, int, SourcePart]]] = {}
    for one in sources:
        for row in one.part.data.episodes:
            first, last = _span(one.part.data, row)
            found = seen.setdefault((row.robot, row.id), [])
            for other_first, other_last, other in found:
                if other is not one and first <= other_last and other_first <= last:
                    raise DataError(
                        f"{other.source} and {one.source} hold the same episode {row.id}. Remove one of them."
                    )
            found.append((first, last, one))


def _span(data: PreparedData, row: EpisodeRow) -> tuple[int, int]:
    return int(data.stamps_ns[row.start]), int(data.stamps_ns[row.stop - 1])


def _largest(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    return {
        "largest_difference": max((c.position for c in comparisons if c.position is not None), default=None),
        "largest_command_difference": max((c.command for c in comparisons if c.command is not None), default=None),
        "samples_not_recorded": sum(c.missing for c in comparisons),
    }


def _nothing_left(sources: Sequence[SourcePart]) -> str:
    counts = BagCounts()
    for one in sources:
        counts.add(one.part.report.counts)
    reasons = {
        "outside any episode": counts.outside_episodes,
        **counts.without_sample,
        **counts.unusable,
        "unreadable": sum(one.part.report.unreadable for one in sources),
    }
    why = ", ".join(f"{reason}: {count}" for reason, count in reasons.items() if count)
    total = sum(one.part.report.frames_read for one in sources)
    advice = "; ".join(dict.fromkeys(counts.hints)) or "Record episodes with aassl collect"
    names = ", ".join(one.source for one in sources)
    return f"{names}: none of {total} frames can be used ({why}). {advice[0].upper()}{advice[1:]}."
