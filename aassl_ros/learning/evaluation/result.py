"""The result of an evaluation, and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.learning.evaluation.action import ActionMeasures
from aassl_ros.learning.evaluation.category import Baselines, CategoryMeasures
from aassl_ros.learning.evaluation.structure import StructureMeasures
from aassl_ros.learning.evaluation.views import ViewMeasures


@dataclass(frozen=True)
class FeaturePicture:
    """A two-dimensional map of features: points float [N, 2], the category of each, and if it is of a train object."""

    points: NDArray[np.float64]
    categories: tuple[str, ...]
    trained_on: NDArray[np.bool_]


@dataclass(frozen=True)
class ViewPicture:
    """A two-dimensional map of the grid of views: points float [N, 2], and the view of each."""

    points: NDArray[np.float64]
    views: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """All measures. A group is None if it was not asked for, or if the data has no frames for it."""

    method: str
    split: str
    categories: tuple[str, ...]
    train_instances: tuple[str, ...]
    test_instances: tuple[str, ...]
    test_frames: int
    seed: int
    category: CategoryMeasures | None = None
    baselines: Baselines | None = None
    views: ViewMeasures | None = None
    action: ActionMeasures | None = None
    structure: StructureMeasures | None = None
    picture: FeaturePicture | None = field(default=None, repr=False)
    view_picture: ViewPicture | None = field(default=None, repr=False)
    notes: tuple[str, ...] = field(default=())

    @property
    def chance(self) -> float:
        """The accuracy of random answers."""
        return 1 / len(self.categories)

    def to_json(self) -> dict[str, Any]:
        """Return what `aassl evaluate --json` prints."""
        values: dict[str, Any] = {"method": self.method, "split": self.split}
        if self.category is not None:
            values |= self.category.to_json(self.categories, self.test_instances)
        values["chance"] = self.chance
        for group in (self.baselines, self.views, self.action, self.structure):
            values |= {} if group is None else group.to_json()
        return values | {
            "train_instances": list(self.train_instances),
            "test_instances": list(self.test_instances),
            "test_frames": self.test_frames,
            "seed": self.seed,
            "notes": list(self.notes),
        }
