"""The report of `aassl bench openset --json`: names, refusals and reliability over the number of taught views."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.openset import ASKED, SCORE_TITLES
from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.report import plots
from aassl_ros.report.page import Page
from aassl_ros.report.reliability import Diagram, add_reliability

_SHOWN = {
    "accuracy": "views of known names that are named correctly (%)",
    "refused": "views of unknown names that are refused (%)",
}
# The diagrams are of one number of views: this one, or the next smaller one that was measured.
_VIEWS = 5


def write_openset_report(path: Path, out: Path) -> None:
    """Write the page.

    Args:
        path: what `aassl bench openset --json` printed.
        out: the HTML file.

    Raises:
        DataError: it is something else.
        OSError: the page cannot be written.
    """
    figures = _read(path)
    rows: list[dict[str, Any]] = figures["rows"]
    page = Page(f"Open set: {figures['data']}")
    page.text(
        f"{figures['taught_names']} of {figures['names']} names ({figures['level']}) are taught, drawn "
        f"{figures['draws']} times. About {figures['asked_known']} views of known and {figures['asked_unknown']} of "
        f"unknown names are asked ({figures['split']} objects). Unknown refused: at the limit that refuses "
        f"{100 * figures['refuse_known']:g} % of the known views. Own limit: chosen on the taught views alone. "
        "Bars are 95 % intervals over the draws."
    )
    for key, label in _SHOWN.items():
        page.picture(plots.lines_with_intervals(_lines(rows, key), "views taught of each name", label), label)
    header = ["encoder", "method", "views taught", "asked", *(f"{name} (%)" for name in SCORE_TITLES.values())]
    table = [_cells(row, asked) for row in rows for asked in ASKED]
    page.table(header, table)
    page.data("open set", header, table)
    page.heading("How reliable the probabilities of the names are")
    page.text("Of views of known names, all draws together.")
    add_reliability(page, _diagrams(rows))
    page.write(out)


def is_openset(path: Path) -> bool:
    """Whether a file may be the figures of the benchmark, by its name."""
    return path.is_file() and path.suffix == ".json"


def _read(path: Path) -> dict[str, Any]:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        if figures["rows"][0]["auroc"]["mean"] is None or figures["level"] is None:
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path} does not hold what aassl bench openset --json prints.") from error
    return dict(figures)


def _lines(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[tuple[float, plots.Bounded]]]:
    lines: dict[str, list[tuple[float, plots.Bounded]]] = {}
    for row in rows:
        if row["views"]:  # 0: all of them, which may be more or fewer for each name
            value = row[key]
            low, high = value["ci95"] or (value["mean"], value["mean"])
            bounded = (100 * value["mean"], 100 * low, 100 * high)
            lines.setdefault(f"{row['encoder']}: {row['method']}", []).append((float(row["views"]), bounded))
    return lines


def _cells(row: Mapping[str, Any], asked: str) -> list[str]:
    shares = [row[ASKED[asked] + key]["mean"] for key in SCORE_TITLES]
    # NaN: the method has no limit of its own.
    numbers = ["" if share is None or share != share else f"{100 * share:.1f}" for share in shares]
    return [row["encoder"], row["method"], str(row["views"] or "all"), asked, *numbers]


def _diagrams(rows: Sequence[Mapping[str, Any]]) -> dict[str, Diagram]:
    measured = sorted({row["views"] for row in rows if row.get("reliability") and row["views"]})
    views = max((count for count in measured if count <= _VIEWS), default=measured[0] if measured else 0)
    return {
        f"{row['encoder']}: {row['method']}, {views or 'all'} views": Reliability.of_bins(row["reliability"])
        for row in rows
        if row["views"] == views and row.get("reliability")
    }
