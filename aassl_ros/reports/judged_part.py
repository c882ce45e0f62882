"""The part of a report that shows how far the evaluator's confidence can be trusted."""

from __future__ import annotations

import math

from aassl_ros.report.page import Page
from aassl_ros.report.reliability import add_reliability
from aassl_ros.reports.judged import Judged


def add_judged(page: Page, judged: Judged) -> None:
    """Add what the evaluator would answer, and its reliability, to a page."""
    facts = judged.facts
    page.text(
        f"What the evaluator would answer about single frames, if {judged.views} labelled frames of the training "
        "objects were its gallery. The classifier, the temperature of the probabilities and the limit of unknown are "
        "chosen on objects of the gallery that are left out; the figures are of the objects not seen in training."
    )
    rows = [
        ("classifier", facts.classifier),
        ("correct names", _percent(judged.accuracy)),
        ("the same, expected from objects left out", _percent(facts.accuracy)),
        ("calibration error of the probabilities", _percent(judged.calibrated.ece)),
        (f"the same before calibration (temperature {facts.temperature:.2g})", _percent(judged.uncalibrated.ece)),
        ("frames called unknown, though their category is known", _percent(judged.refused)),
        ("expected of frames whose category is not in the gallery", _percent(facts.unknown.refused_unknown)),
    ]
    page.table(["", ""], rows)
    add_reliability(page, {"before calibration": judged.uncalibrated, "calibrated": judged.calibrated})


def _percent(share: float) -> str:
    return "not known" if math.isnan(share) else f"{100 * share:.1f} %"
