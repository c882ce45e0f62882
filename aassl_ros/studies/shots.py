"""Numbers of labelled objects that differ: more than a category has cannot be labelled, and are the same as all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from aassl_ros.learning.evaluation.category import ALL_SHOTS, few_shot_notes
from aassl_ros.learning.readout.split import Split


def most_objects(parts: Split) -> int:
    """The largest number of labelled objects of a category."""
    objects = np.unique(np.stack([parts.train.targets, parts.train.instances]), axis=1)[0]
    return int(np.bincount(objects).max(initial=0))


def distinct_shots(measured: Iterable[str], most: int) -> tuple[str, ...]:
    """Leave out numbers of labelled objects that give the same classifier as another one.

    Args:
        measured: the numbers that were measured, and "all".
        most: the largest number of objects that a category has; 0: unknown.

    Returns:
        Those that stay: numbers below `most`, and one that labels all objects, "all" if it was measured.
    """
    names = tuple(measured)
    if not most:
        return names
    whole = [name for name in names if labels_all(name, most)]
    one = ALL_SHOTS if ALL_SHOTS in whole else min(whole, key=int, default="")
    return tuple(name for name in names if name not in whole or name == one)


def labels_all(name: str, most: int) -> bool:
    """If this number of labelled objects is all that any category has. most: as for `distinct_shots`."""
    return name == ALL_SHOTS or 0 < most <= int(name)


def shown_shots(name: str, most: int) -> str:
    """A number of labelled objects as readers see it: "2", "all (3)", or "all" if their number is unknown."""
    if not labels_all(name, most):
        return name
    return f"{ALL_SHOTS} ({most})" if most else ALL_SHOTS


def shot_notes(parts: Split, shots: tuple[int, ...]) -> list[str]:
    """Describe which numbers of labelled objects are left out, and which categories have fewer than the largest.

    Args:
        parts: the split to test on.
        shots: the numbers that are measured; 0: all.

    Returns:
        The notes, none if every category has enough objects.
    """
    most, names = most_objects(parts), [str(count or ALL_SHOTS) for count in shots]
    kept = distinct_shots(names, most)
    notes = []
    left_out = [name for name in names if name not in kept]
    if left_out:
        objects = f"{most} object{'' if most == 1 else 's'}"
        notes.append(f"few-shot {', '.join(left_out)}: left out, because no category has more than {objects} to label")
    largest = max((most if labels_all(name, most) else int(name) for name in kept), default=0)
    return [*notes, *(few_shot_notes(parts, (largest,)) if largest else [])]
