"""Splits the objects of each category between training and testing, if a data set has no split of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

TEST_SHARE = 0.3


def split_objects(categories: Mapping[str, str]) -> dict[str, str]:
    """Choose the objects for testing: 30 % of each category, by a hash of their names.

    A category with two objects or more has at least one on each side. A single object is for training.

    Args:
        categories: object -> its category.

    Returns:
        Object -> "train" or "test". It depends on the names alone, not on their order.
    """
    members: dict[str, list[str]] = {}
    for name, category in categories.items():
        members.setdefault(category, []).append(name)
    sets = dict.fromkeys(categories, "train")
    for names in members.values():
        if len(names) > 1:
            count = min(max(1, round(TEST_SHARE * len(names))), len(names) - 1)
            sets.update(dict.fromkeys(sorted(names, key=_draw)[:count], "test"))
    return sets


def _draw(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
