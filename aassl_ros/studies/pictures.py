"""The pictures of a study, each with the numbers that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aassl_ros.report import plots
from aassl_ros.studies.request import Conclusion
from aassl_ros.studies.shots import labels_all, shown_shots
from aassl_ros.studies.spec import ALIGNMENT, PROBE, TIME
from aassl_ros.studies.table import MINUS, SHOT, Row, without_repeated

PLOT, FEATURES, LABELS_PLOT = "plot", "features", "label_efficiency"
"""Names of the pictures. The last has a line for each setting over the number of labelled objects."""
PICTURES = (PLOT, LABELS_PLOT, FEATURES)
_LABELS = {
    PROBE: ("linear probe on unseen objects (%)", 100.0),
    ALIGNMENT: ("viewpoint-wise alignment (difference of cosines)", 1.0),
    TIME: ("time of a step over SimCLR's", 1.0),
}
_BOUNDS = ("lower bound of its 95 % interval", "upper bound")
_ALL_AT = 1.5
"""Position of "all objects" in the plot if their number is unknown, as a multiple of the largest other number."""


@dataclass(frozen=True)
class Drawn:
    """A picture and its data.

    Attributes:
        png: the picture, as a PNG file.
        header: name of each column of the data.
        rows: the data; each row has one value for each column.
    """

    png: bytes
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


def draw(conclusion: Conclusion, rows: list[Row]) -> dict[str, Drawn]:
    """Draw all pictures of a study. Returns the picture for each name; a picture without data is absent."""
    drawn = {
        PLOT: _plot(conclusion, rows),
        LABELS_PLOT: _label_efficiency(rows, conclusion.objects),
        FEATURES: _features(conclusion),
    }
    return {name: picture for name, picture in drawn.items() if picture is not None}


def _plot(conclusion: Conclusion, rows: list[Row]) -> Drawn:
    """Plot the study's primary measure: bars, or lines over the values of the swept setting."""
    study = conclusion.study
    text, scale = _LABELS[study.primary]
    label = text + (" (--quick)" if conclusion.request.quick else "")
    shown = [row for row in rows if row.metric == study.primary]
    found = {row.setting: _scaled(row, scale) for row in shown}
    if study.lines:
        lines = {
            line: [(value, found[setting]) for setting, value in points if setting in found]
            for line, points in study.lines.items()
        }
        drawn = {line: points for line, points in lines.items() if points}
        picture = plots.lines_with_intervals(drawn, study.swept, label)
    else:
        picture = plots.bars_with_intervals(found, label)
    return Drawn(picture, ("setting", label, *_BOUNDS), [(row.setting, *_cells(row, scale)) for row in shown])


def _cells(row: Row, scale: float) -> tuple[float | str, float | str, float | str]:
    """The mean and its interval for a table; an interval that is not known is empty."""
    mean, low, high = _scaled(row, scale)
    return (mean, "", "") if row.interval.ci95 is None else (mean, low, high)


def _scaled(row: Row, scale: float) -> plots.Bounded:
    mean = row.interval.mean
    low, high = row.interval.ci95 or (mean, mean)
    return scale * mean, scale * low, scale * high


def _features(conclusion: Conclusion) -> Drawn | None:
    """Plot a map of features for each setting that has one, coloured by view if it is of the grid of views.

    Returns None if no setting has one.
    """
    by_view = _maps(conclusion, "view_picture")
    if by_view:
        panels = {name: (np.array(one["points"]), one["views"]) for name, one in by_view.items()}
        return Drawn(plots.view_embeddings(panels), ("setting", "x", "y", "view"), _points(by_view, "views"))
    maps = _maps(conclusion, "picture")
    if not maps:
        return None
    picture = plots.embeddings(
        {name: (np.array(one["points"]), one["categories"], np.array(one["trained_on"])) for name, one in maps.items()}
    )
    return Drawn(picture, ("setting", "x", "y", "category", "trained on"), _points(maps, "categories", "trained_on"))


def _maps(conclusion: Conclusion, key: str) -> dict[str, dict[str, Any]]:
    """For each setting the map of features that the first of its runs has under this key, if any has one."""
    found = {
        setting: next((run[key] for run in runs.values() if run.get(key)), None)
        for setting, runs in conclusion.results.items()
    }
    return {setting: one for setting, one in found.items() if one is not None}


def _points(maps: dict[str, dict[str, Any]], *facts: str) -> list[tuple[Any, ...]]:
    """Each point of the maps: its setting, x, y, and the facts of it that are listed under these keys."""
    return [
        (name, x, y, *known)
        for name, one in maps.items()
        for (x, y), *known in zip(one["points"], *(one[key] for key in facts), strict=True)
    ]


def _label_efficiency(rows: list[Row], most: int) -> Drawn | None:
    """Plot accuracy over the number of labelled objects a category; None if at most two numbers were measured.

    most: the largest number of objects that a category has, where "all" stands; 0 if unknown.
    """
    shots = (row for row in rows if row.metric.startswith(SHOT) and MINUS not in row.metric)
    found = without_repeated(list(shots), most)
    counts = {row.metric.removeprefix(SHOT) for row in found}
    numbers = sorted(int(count) for count in counts if count.isdecimal())
    if len(counts) <= 2 or not numbers:
        return None
    whole = float(most or _ALL_AT * numbers[-1])
    at = {count: whole if labels_all(count, most) else float(count) for count in counts}
    lines: dict[str, list[tuple[float, plots.Bounded]]] = {}
    for row in found:
        lines.setdefault(row.setting, []).append((at[row.metric.removeprefix(SHOT)], _scaled(row, 100.0)))
    swept, label = "labelled objects of a category, one frame each", "nearest prototype on unseen objects (%)"
    data = [(row.setting, shown_shots(row.metric.removeprefix(SHOT), most), *_cells(row, 100.0)) for row in found]
    end = f" ({most} are all of them)" if most else " (all of them at the right end)"
    picture = plots.lines_with_intervals(lines, swept + (end if whole in at.values() else ""), label)
    return Drawn(picture, ("setting", swept, label, *_BOUNDS), data)
