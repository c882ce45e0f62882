"""`aassl gallery report`: one HTML page on how well a running evaluator knows what it was taught."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.data.interfaces.json_records import GalleryNews
from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.report.page import Page
from aassl_ros.report.reliability import add_reliability


def write_gallery_report(news: GalleryNews, out: Path) -> None:
    """Write the page.

    Args:
        news: what the evaluator says of its gallery.
        out: the HTML file.

    Raises:
        OSError: the page cannot be written.
    """
    page = Page("What was taught")
    rows = [(name, counts["objects"], counts["views"]) for name, counts in news.categories.items()]
    page.table(["category", "objects", "views"], [*rows, *((name, "labelled data", "") for name in news.others)])
    page.heading("How well it is known")
    shares = [
        (news.accuracy, "of the views of objects left out are named correctly"),
        (news.calibration_error, "calibration error of their names"),
        (news.unknown_refused, "of the views are called unknown if their category is left out"),
    ]
    page.figures([(f"{100 * share:.1f} %", name) for share, name in shares if share is not None])
    page.text(
        f"Classifier: {news.classifier or 'none, nothing is taught'}. Each object is left out in turn and asked; of a "
        "category with one object, single views. With few objects these figures are rough, and other views are harder."
    )
    if news.reliability:
        add_reliability(page, {"objects left out": Reliability.of_bins(news.reliability)})
    else:
        page.text("There is no reliability diagram: it needs two categories with several views.")
    page.write(out)
