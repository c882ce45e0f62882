"""Categories that are not trained on, to measure what an adapted encoder forgets.

They come from another folder of prepared data, or are held out of the study's own data by name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError

_LEFT_OUT = "left out"  # a set that nothing is drawn from; only in memory
_FEWEST = 2  # categories, for a classifier


def without_categories(data: PreparedData, names: tuple[str, ...]) -> PreparedData:
    """Leave categories out of data, for training and testing. Raises ConfigError if one is unknown or too few remain.

    data: prepared data; names: of the categories; empty: none.
    """
    if not names:
        return data
    unknown = [name for name in names if name not in data.categories]
    if unknown:
        raise ConfigError(
            f"--held-out-categories {unknown[0]}: expected some of {', '.join(data.categories) or 'none'}."
        )
    return _only(data, tuple(name for name in data.categories if name not in names), "--held-out-categories")


def other_categories(data: PreparedData, forgetting: Path | None, held_out: tuple[str, ...]) -> PreparedData | None:
    """The data of other categories, None if there are none.

    Args:
        data: all data of the study.
        forgetting: another prepared folder; categories that `data` has are left out of it.
        held_out: categories of `data` that are not trained on; used if there is no other folder.

    Raises:
        DataError: fewer than two categories remain.
    """
    if forgetting is None:
        return _only(data, held_out, "--held-out-categories") if held_out else None
    other = PreparedData.open(forgetting)
    kept = tuple(name for name in other.categories if name in held_out or name not in data.categories)
    return _only(other, kept, f"--forgetting {forgetting}")


def split_of(data: PreparedData) -> str:
    """The split to test on: "test" if there are labelled objects for it, else "val"."""
    return "test" if any(row.set == "test" and row.category for row in data.episodes) else "val"


def _only(data: PreparedData, names: tuple[str, ...], source: str) -> PreparedData:
    if len(names) < _FEWEST:
        raise DataError(
            f"{source}: {len(names)} categories remain that the other side does not have, expected {_FEWEST} or more."
        )
    rows = tuple(row if row.category in names else replace(row, set=_LEFT_OUT) for row in data.episodes)
    return replace(data, episodes=rows, fingerprint=f"{data.fingerprint} only {','.join(names)}")
