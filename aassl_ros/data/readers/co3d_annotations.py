"""Reads the annotation files of one CO3D category: gzipped JSON of frames and sequences, and JSON set lists.

Format from github facebookresearch/co3d: co3d/dataset/data_types.py and README.md (v2); dataset/types.py,
dataset/dataset_zoo.py and dataset/utils.py of branch v1; issue 95.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aassl_ros.errors import DataError

FRAMES = "frame_annotations.jgz"
SEQUENCES = "sequence_annotations.jgz"
SET_LISTS_1 = "set_lists.json"
SET_LISTS_2 = "set_lists/set_lists_{}.json"
TESTED = ("fewview_dev", "fewview_test")
HIDDEN = ("fewview_test", "manyview_test")
"""In these lists of v2 the pictures under "test" are black, because they were the targets of a challenge (issue 95)."""


def read_gzipped(file: Path) -> list[dict[str, Any]]:
    """Read the list of JSON objects in a .jgz file. Raises DataError if it is missing, damaged or of another format."""
    try:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            values = json.load(stream)
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing. Unpack the category's first archive, which contains it.") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{file} is damaged ({error}). Unpack it again.") from error
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise DataError(f"{file} is not a list of annotations. Unpack it again.")
    return values


class SetLists:
    """Which sequences of a category are for testing, and which pictures are hidden.

    v1 has one file with the lists train_known, train_unseen, test_known and test_unseen. v2 has one file for each task;
    the few-view files split the sequences into train, dev and test. Here dev and test are both used for testing.
    """

    def __init__(self, category: Path) -> None:
        """Read the lists in the folder of a category. Raises DataError if one is damaged."""
        self._sets: dict[str, str] = {}
        self.hidden: set[str] = set()
        first = category / SET_LISTS_1
        if first.is_file():
            for name, entries in _read_lists(first).items():
                self._put("test" if name.startswith("test") else "train", entries)
        for task in ("fewview_train", *TESTED, *HIDDEN):
            file = category / SET_LISTS_2.format(task)
            if not file.is_file():
                continue
            lists = _read_lists(file)
            if task.startswith("fewview"):
                self._put("test" if task in TESTED else "train", (entry for part in lists.values() for entry in part))
            if task in HIDDEN:
                self.hidden |= {path for _, _, path in lists.get("test", [])}

    def set_of(self, sequence: str) -> str | None:
        """The set of a sequence, "train" or "test"; a sequence in no list is "train".

        None if no list splits the sequences of this category.
        """
        return self._sets.get(sequence, "train") if "test" in self._sets.values() else None

    def names(self, sequence: str) -> bool:
        """Whether a list that splits the sequences contains this one."""
        return sequence in self._sets

    def _put(self, name: str, entries: Iterable[tuple[str, int, str]]) -> None:
        """Store the set of each sequence. A sequence in lists of both sets is used for testing."""
        for sequence, _, _ in entries:
            if self._sets.get(sequence) != "test":
                self._sets[sequence] = name


def _read_lists(file: Path) -> dict[str, list[tuple[str, int, str]]]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return {name: [(sequence, number, path) for sequence, number, path in part] for name, part in values.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged ({error}). Unpack it again.") from error
