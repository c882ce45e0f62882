"""Numbers of labelled objects that differ: more than a category has cannot be labelled, and are the same as all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.category import ALL_SHOTS, few_shot_notes
from aassl_ros.learning.readout.split import Split, make_split
from aassl_ros.studies.other_categories import split_of

TEST, VALIDATION, OTHER_DATA = "test", "val", "other"


def most_objects(parts: Split) -> int:
    """The largest number of labelled objects of a category."""
    objects = np.unique(np.stack([parts.train.targets, parts.train.instances]), axis=1)[0]
    return int(np.bincount(objects).max(initial=0))


def count_objects(data: PreparedData, parts: Split, other: PreparedData | None) -> dict[str, int]:
    """The largest numbers of labelled objects of a category, by what is tested.

    Args:
        data: of the study.
        parts: its split to test on.
        other: data of other categories; None if there are none.

    Returns:
        The number for "test"; for "val" and "other" if there are such objects.
    """
    counts = {TEST: most_objects(parts)}
    for name, source, split in ((VALIDATION, data, "val"), (OTHER_DATA, other, "")):
        if source is not None:
            try:
                counts[name] = most_objects(make_split(source, split or split_of(source), 1))
            except DataError:  # nothing to validate on
                continue
    return counts


def distinct_shots(measured: Iterable[str], most: int) -> dict[str, str]:
    """Leave out numbers of labelled objects that give the same classifier as all of them.

    Args:
        measured: the numbers that were measured, and "all".
        most: the largest number of objects that a category has; 0: unknown.

    Returns:
        The name in the table, "all" or a number, for each that stays: numbers below `most`, and one for all objects.
    """
    names = list(measured)
    if not most:
        return {name: name for name in names}
    below = {name: name for name in names if name != ALL_SHOTS and int(name) < most}
    rest = [name for name in names if name not in below]
    if not rest:
        return below
    return below | {ALL_SHOTS if ALL_SHOTS in rest else min(rest, key=int): ALL_SHOTS}


def shot_notes(parts: Split, shots: tuple[int, ...]) -> list[str]:
    """Describe which numbers of labelled objects are left out, and which categories have fewer than the largest.

    Args:
        parts: the split to test on.
        shots: the numbers that are measured; 0: all.

    Returns:
        The notes, none if every category has enough objects.
    """
    most = most_objects(parts)
    kept = distinct_shots((str(count or ALL_SHOTS) for count in shots), most)
    notes = []
    left_out = [str(count) for count in shots if count > most and str(count) not in kept]
    if left_out:
        notes.append(
            f"few-shot {', '.join(left_out)}: left out, because no category has more than {most} objects to label"
        )
    below = [int(name) for name in kept if name != ALL_SHOTS and int(name) < most]
    largest = most if ALL_SHOTS in kept.values() else max(below, default=0)
    return [*notes, *(few_shot_notes(parts, (largest,)) if largest else [])]
