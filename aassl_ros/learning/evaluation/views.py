"""Measures on a grid of test objects by canonical viewpoints, DATA/views, which `aassl synth` renders."""

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
    """O objects by V views. frames int64 [O, V] of `data`; targets int64 [O], of the split's categories; names of the
    objects and of the views.
    """

    data: PreparedData
    frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    instances: tuple[str, ...]
    views: tuple[str, ...]


@dataclass(frozen=True)
class ViewMeasures:
    """per_view: accuracy of "probe" and "knn" at each view, fitted to the train frames. random_encoder: the alignment
    of an encoder that was never trained, None where it was not asked for.
    """

    per_view: dict[str, dict[str, float]]
    alignment: ViewAlignment
    random_encoder: ViewAlignment | None

    def to_json(self) -> dict[str, Any]:
        """Their share of EVALUATION; what the grid has no pairs for is left out."""
        alignment: dict[str, Any] = _present(self.alignment)
        alignment["chance"] = chance(self.alignment)
        if self.random_encoder is not None:
            alignment["random_encoder"] = _present(self.random_encoder)
        return {"alignment": alignment, "per_view": self.per_view}


def chance(alignment: ViewAlignment) -> dict[str, float]:
    """What each measure is of features that know neither view nor object; a view's invariance is then that of any two
    objects.
    """
    values = {"viewpoint": 0.0, "same_view_neighbour": 1 / alignment.views, "category_separation": 0.0}
    if alignment.other_objects is not None:
        values["view_invariance"] = alignment.other_objects
    return values


def read_views(data: PreparedData, parts: Split, split: str, notes: list[str]) -> ViewGrid | None:
    """The grid of views within the folder `data`, None with a note where there is none to be used.

    Raises DataError where it is no grid, or of pictures of another size.
    """
    folder = data.path / VIEWS
    if split != "test":
        notes.append(f"no measures of views: they show test objects, which the split {split} leaves alone")
        return None
    if not (folder / TABLE).is_file():
        notes.append(f"no measures of views: {folder} is not there. Data that aassl synth makes have it")
        return None
    views = PreparedData.open(folder)
    names = tuple(str(name) for name in views.facts.get("view_names", ()))
    if not names or len(set(names)) < len(names):
        raise DataError(f"{folder} names its views {list(names)}, expected different names. Run aassl synth again.")
    if views.image_size != data.image_size:
        raise DataError(
            f"{folder} has frames of {views.image_size} pixels, {data.path} of {data.image_size}. Make both by one run."
        )
    for row in views.episodes:
        if row.stop - row.start != len(names):
            raise DataError(
                f"{folder}: episode {row.id} has {row.stop - row.start} frames, expected one for each of "
                f"{len(names)} views. Run aassl synth again."
            )
    rows = [row for row in views.episodes if row.category in parts.categories]
    if len(rows) < len(views.episodes):
        notes.append(f"{len(views.episodes) - len(rows)} objects of the views are of no category of the train set")
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
    """features: float [O * V, D] of the grid's frames in order; mean [D] of the train features; untrained: both by an
    encoder that was never trained, None where it is not asked for.
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
