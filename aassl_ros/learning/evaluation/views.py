"""Measures on a grid of test objects by canonical viewpoints: DATA/views, which `aassl synth` renders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.prepared.data import TABLE, VIEWS, PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.category import Classifiers
from aassl_ros.learning.measures.alignment import ViewAlignment, view_alignment
from aassl_ros.learning.readout.split import Split


@dataclass(frozen=True)
class ViewGrid:
    """A grid of O objects by V views.

    frames: int64 [O, V], indices into `data`; targets: int64 [O], indices into the split's categories; instances,
    views: the names of the objects and of the views.
    """

    data: PreparedData
    frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    instances: tuple[str, ...]
    views: tuple[str, ...]


@dataclass(frozen=True)
class ViewMeasures:
    """Measures of the views.

    per_view: accuracy of "probe" and "knn" at each view, fitted to the train frames.
    random_encoder: the alignment of an untrained encoder, None if it was not asked for.
    """

    per_view: dict[str, dict[str, float]]
    alignment: ViewAlignment
    random_encoder: ViewAlignment | None

    def to_json(self) -> dict[str, Any]:
        """Return their part of the evaluation's JSON, without measures for which the grid has no pairs."""
        alignment: dict[str, Any] = _present(self.alignment)
        alignment["chance"] = chance(self.alignment)
        if self.random_encoder is not None:
            alignment["random_encoder"] = _present(self.random_encoder)
        return {"alignment": alignment, "per_view": self.per_view}


def chance(alignment: ViewAlignment) -> dict[str, float]:
    """Return each measure for features that carry no information on view and object.

    view_invariance is then the cosine of any two objects.
    """
    values = {"viewpoint": 0.0, "same_view_neighbour": 1 / alignment.views, "category_separation": 0.0}
    if alignment.other_objects is not None:
        values["view_invariance"] = alignment.other_objects
    return values


def read_views(data: PreparedData, parts: Split, split: str, notes: list[str]) -> ViewGrid | None:
    """Read the grid of views in the folder of `data`. Returns None and adds a note if there is none for this split.

    Raises DataError if the frames do not form a grid, or have another size than those of `data`.
    """
    # Of several folders, the first that has views.
    folders = [path / VIEWS for path in ([each.path for each in data.folders] or [data.path])]
    folder = next((path for path in folders if (path / TABLE).is_file()), folders[0])
    if split != "test":
        notes.append(f"no measures of views: they show test objects, which the split {split} does not use")
        return None
    if not (folder / TABLE).is_file():
        notes.append(f"no measures of views: {folder} does not exist. aassl synth makes it")
        return None
    views = PreparedData.open(folder)
    names = tuple(str(name) for name in views.facts.get("view_names", ()))
    if not names or len(set(names)) < len(names):
        raise DataError(f"{folder} names its views {list(names)}, expected different names. Run aassl synth again.")
    if views.image_size != data.image_size:
        raise DataError(
            f"{folder} has frames of {views.image_size} px, {data.path} of {data.image_size} px. Make both in one run."
        )
    for row in views.episodes:
        if row.stop - row.start != len(names):
            raise DataError(
                f"{folder}: episode {row.id} has {row.stop - row.start} frames, expected one for each of "
                f"{len(names)} views. Run aassl synth again."
            )
    rows = [row for row in views.episodes if row.category in parts.categories]
    if len(rows) < len(views.episodes):
        notes.append(f"{len(views.episodes) - len(rows)} objects of the views have no category of the train set")
    if not rows:
        return None
    return ViewGrid(
        data=views,
        frames=np.array([np.arange(row.start, row.stop) for row in rows], np.int64),
        targets=np.array([parts.categories.index(row.category) for row in rows], np.int64),
        instances=tuple(row.instance for row in rows),
        views=names,
    )


def measure_views(
    grid: ViewGrid, features: Tensor, mean: Tensor, classifiers: Classifiers, untrained: tuple[Tensor, Tensor] | None
) -> ViewMeasures:
    """Measure accuracy at each view, and alignment.

    features: float [O * V, D], of the grid's frames in order; mean: float [D], of the train features; untrained: both
    for an untrained encoder, None if they are not asked for.
    """
    shape = grid.frames.shape
    right = {way: named.reshape(shape) == grid.targets[:, None] for way, named in classifiers.name(features).items()}
    per_view = {
        name: {way: float(each[:, number].mean()) for way, each in right.items()}
        for number, name in enumerate(grid.views)
    }
    random_alignment = None
    if untrained is not None:
        random_alignment = view_alignment(untrained[0].view(*shape, -1), grid.targets, untrained[1])
    return ViewMeasures(per_view, view_alignment(features.view(*shape, -1), grid.targets, mean), random_alignment)


def _present(alignment: ViewAlignment) -> dict[str, float]:
    names = ("viewpoint", "same_view_neighbour", "view_invariance", "category_separation")
    return {name: getattr(alignment, name) for name in names if getattr(alignment, name) is not None}
