"""The quality report of bags as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aassl_ros.data.quality.check import BagQuality
from aassl_ros.report.page import Page
from aassl_ros.report.plots import curves


def write_quality_page(path: Path, reports: Sequence[BagQuality]) -> None:
    """Write the reports of some bags to one page. Raises OSError."""
    page = quality_page(reports)
    for report in reports:
        if len(reports) > 1:
            page.heading(report.bag)
        add_summary(page, report)
        add_measures(page, report)
    page.write(path)


def quality_page(reports: Sequence[BagQuality]) -> Page:
    """An empty page with the title of these reports."""
    return Page("Quality of " + (reports[0].bag if len(reports) == 1 else f"{len(reports)} bags"))


def add_summary(page: Page, report: BagQuality) -> None:
    """Add the result, the size of the bag and its problems to a page."""
    page.figures(
        [
            ("sound" if not report.problems else f"{len(report.problems)} problems", "result"),
            (f"{report.seconds:.1f} s", "length"),
            (str(report.messages), "messages"),
        ]
    )
    if report.problems:
        page.table(["problem"], [[problem] for problem in report.problems])
    for note in report.notes:
        page.text(f"Note: {note}.")


def add_measures(page: Page, report: BagQuality) -> None:
    """Add each measure with its numbers and plots to a page."""
    for measure in report.measures:
        page.heading(measure.title)
        if measure.numbers:
            page.table(
                ["quantity", "value"],
                [[name, "unknown" if value is None else value] for name, value in measure.numbers.items()],
            )
        for line in measure.problems:
            page.text(f"Problem: {line}")
        for line in measure.notes:
            page.text(f"Note: {line}.")
        for plot in measure.plots:
            thin = plot.thinned()
            png = curves(thin.across, thin.curves, thin.x, thin.y, thin.level)
            page.picture(png, f"{measure.title}: {plot.y} over {plot.x}")
