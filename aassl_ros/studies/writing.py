"""Writes the results of a study to its folder: table.json, table.md, plot.png, and features.png if there are maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros import __version__
from aassl_ros.errors import DataError
from aassl_ros.report import plots
from aassl_ros.studies.markdown import markdown
from aassl_ros.studies.run import write_json
from aassl_ros.studies.spec import ALIGNMENT, PROBE, TIME
from aassl_ros.studies.study import Conclusion
from aassl_ros.studies.table import MINUS, Row, rows_of

TABLE, MARKDOWN, PLOT, FEATURES = "table.json", "table.md", "plot.png", "features.png"
LABELS_PLOT = "label_efficiency.png"
"""A line for each setting over the number of labelled objects; only if more than two numbers were measured."""
_LABELS = {
    PROBE: ("linear probe on unseen objects (%)", 100.0),
    ALIGNMENT: ("viewpoint-wise alignment (difference of cosines)", 1.0),
    TIME: ("time of a step over SimCLR's", 1.0),
}


def write(conclusion: Conclusion, out: Path) -> dict[str, Any]:
    """Write all files and return the table. Raises DataError if they cannot be written."""
    rows = rows_of(conclusion.study, conclusion.results)
    table = _table(conclusion, rows)
    write_json(out / TABLE, table)
    pictures = {PLOT: _plot(conclusion, rows), FEATURES: _features(conclusion), LABELS_PLOT: _label_efficiency(rows)}
    try:
        (out / MARKDOWN).write_text(markdown(conclusion, rows), encoding="utf-8")
        for name, picture in pictures.items():
            if picture:
                (out / name).write_bytes(picture)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror}). Free some disk space.") from error
    return table


def _table(conclusion: Conclusion, rows: list[Row]) -> dict[str, Any]:
    request = conclusion.request
    failed = [
        {"setting": setting, "seed": seed, "reason": reason} for (setting, seed), reason in conclusion.failed.items()
    ]
    return {
        "study": conclusion.study.name,
        "question": conclusion.study.question,
        "quick": request.quick,
        "seeds": request.seeds,
        "updates": request.length,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": str(request.data),
        "data_fingerprint": conclusion.fingerprint,
        "test_instances": conclusion.test_instances,
        "version": __version__,
        "rows": [row.to_json() for row in rows],
        "failed": failed,
    }


def _plot(conclusion: Conclusion, rows: list[Row]) -> bytes:
    """Plot the study's primary measure: bars, or lines over the values of the swept setting."""
    study = conclusion.study
    text, scale = _LABELS[study.primary]
    label = text + (" (--quick)" if conclusion.request.quick else "")
    found = {row.setting: _scaled(row, scale) for row in rows if row.metric == study.primary}
    if not study.lines:
        return plots.bars_with_intervals(found, label)
    lines = {
        line: [(value, found[setting]) for setting, value in points if setting in found]
        for line, points in study.lines.items()
    }
    return plots.lines_with_intervals({line: points for line, points in lines.items() if points}, study.swept, label)


def _scaled(row: Row, scale: float) -> plots.Bounded:
    mean = row.interval.mean
    low, high = row.interval.ci95 or (mean, mean)
    return scale * mean, scale * low, scale * high


def _features(conclusion: Conclusion) -> bytes | None:
    """Plot a map of features for each setting that has one, coloured by view if it is of the grid of views.

    Returns None if no setting has one.
    """
    by_view = {
        setting: (np.array(picture["points"]), picture["views"])
        for setting, runs in conclusion.results.items()
        if (picture := next((run["view_picture"] for run in runs.values() if run.get("view_picture")), None))
    }
    if by_view:
        return plots.view_embeddings(by_view)
    panels = {}
    for setting, runs in conclusion.results.items():
        picture = next((run["picture"] for run in runs.values() if run.get("picture")), None)
        if picture is not None:
            panels[setting] = (np.array(picture["points"]), picture["categories"], np.array(picture["trained_on"]))
    return plots.embeddings(panels) if panels else None


_SHOT = "few_shot_"
_ALL_AT = 1.5
"""Position of "all objects" in the plot, as a multiple of the largest other number."""


def _label_efficiency(rows: list[Row]) -> bytes | None:
    """Plot accuracy over the number of labelled objects a category; None if at most two numbers were measured."""
    found = [row for row in rows if row.metric.startswith(_SHOT) and MINUS not in row.metric]
    counts = {row.metric.removeprefix(_SHOT) for row in found}
    numbers = sorted(int(count) for count in counts if count.isdecimal())
    if len(counts) <= 2 or not numbers:
        return None
    at = {str(number): float(number) for number in numbers} | {"all": _ALL_AT * numbers[-1]}
    lines: dict[str, list[tuple[float, plots.Bounded]]] = {}
    for row in found:
        lines.setdefault(row.setting, []).append((at[row.metric.removeprefix(_SHOT)], _scaled(row, 100.0)))
    swept = "labelled objects of a category, one frame each (all of them at the right end)"
    return plots.lines_with_intervals(lines, swept, "nearest prototype on unseen objects (%)")
