"""What a study leaves: DIR/table.json, DIR/table.md and DIR/plot.png."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aassl_ros import __version__
from aassl_ros.report import plots
from aassl_ros.studies.run import write_json
from aassl_ros.studies.study import Conclusion
from aassl_ros.studies.table import PRIMARY, Row, rows_of

TABLE, MARKDOWN, PLOT = "table.json", "table.md", "plot.png"
_FRACTIONS = ("probe", "knn", "few_shot")
"""Measures shown in percent."""


def write(conclusion: Conclusion, out: Path) -> dict[str, Any]:
    """Write all three and return the table. Raises DataError where they cannot be written."""
    rows = rows_of(conclusion.study, conclusion.results)
    table = _table(conclusion, rows)
    write_json(out / TABLE, table)
    (out / MARKDOWN).write_text(_markdown(conclusion, rows), encoding="utf-8")
    (out / PLOT).write_bytes(_plot(conclusion, rows))
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
        "updates": request.updates,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": str(request.data),
        "data_fingerprint": conclusion.fingerprint,
        "test_instances": conclusion.test_instances,
        "version": __version__,
        "rows": [row.to_json() for row in rows],
        "failed": failed,
    }


def _markdown(conclusion: Conclusion, rows: list[Row]) -> str:
    request, study = conclusion.request, conclusion.study
    lines = [f"# {study.name}", "", study.question, ""]
    if request.quick:
        lines += ["**--quick: so little training that the figures mean nothing.**", ""]
    common = ", ".join(f"{name} {value}" for name, value in request.settings.items()) or "the defaults"
    length = f"{request.updates} updates a run" if request.updates else "as many epochs as set"
    lines += [
        f"Seeds 0 to {request.seeds - 1}, paired; {length}; settings: {common}; "
        f"{conclusion.test_instances} test instances of `{request.data}`. "
        "Mean and 95 % interval; accuracies in percent.",
        "",
    ]
    plain = [row for row in rows if "_minus_" not in row.metric]
    lines += _grid(plain)
    differences = [row for row in rows if "_minus_" in row.metric]
    if differences:
        lines += ["", "## Paired differences", "", "Bootstrap over test instances and seeds; in points of percent.", ""]
        lines += ["| setting | minus | probe | kNN |", "|---|---|---|---|"]
        for row in differences:
            if row.metric.startswith(f"{PRIMARY}_minus_"):
                reference = row.metric.removeprefix(f"{PRIMARY}_minus_")
                other = next(
                    each
                    for each in differences
                    if (each.setting, each.metric) == (row.setting, f"knn_minus_{reference}")
                )
                lines.append(f"| {row.setting} | {reference} | {_cell(row)} | {_cell(other)} |")
    if conclusion.failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {setting}, seed {seed}: {reason}" for (setting, seed), reason in conclusion.failed.items()]
    return "\n".join(lines) + "\n"


def _grid(rows: list[Row]) -> list[str]:
    """Settings down, measures across."""
    metrics = list(dict.fromkeys(row.metric for row in rows))
    settings = list(dict.fromkeys(row.setting for row in rows))
    found = {(row.setting, row.metric): row for row in rows}
    lines = ["| setting | seeds | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 2) + "|"]
    for setting in settings:
        cells = [_cell(found[setting, metric]) if (setting, metric) in found else "" for metric in metrics]
        count = max(len(row.values) for row in rows if row.setting == setting)
        lines.append(f"| {setting} | {count} | " + " | ".join(cells) + " |")
    return lines


def _cell(row: Row) -> str:
    scale = 100 if row.metric.startswith(_FRACTIONS) else 1
    digits = 1 if scale == 100 else 3
    mean = f"{scale * row.interval.mean:.{digits}f}"
    if row.interval.ci95 is None:
        return mean
    low, high = (f"{scale * bound:.{digits}f}" for bound in row.interval.ci95)
    return f"{mean} [{low}, {high}]"


def _plot(conclusion: Conclusion, rows: list[Row]) -> bytes:
    """Accuracy of the linear probe: bars, or lines over the value that the study sweeps."""
    study = conclusion.study
    found = {row.setting: row for row in rows if row.metric == PRIMARY}
    note = " (--quick)" if conclusion.request.quick else ""
    label = f"linear probe on objects never seen (%){note}"
    if not study.swept:
        bars = {name: _percent(row) for name, row in found.items()}
        return plots.bars_with_intervals(bars, label)
    lines: dict[str, list[tuple[float, plots.Bounded]]] = {}
    for setting in study.settings:
        if setting.name in found and setting.value is not None:
            lines.setdefault(setting.line, []).append((setting.value, _percent(found[setting.name])))
    return plots.lines_with_intervals(lines, study.swept, label)


def _percent(row: Row) -> plots.Bounded:
    mean = 100 * row.interval.mean
    low, high = row.interval.ci95 or (row.interval.mean, row.interval.mean)
    return mean, 100 * low, 100 * high
