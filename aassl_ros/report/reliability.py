"""Reliability diagrams: of the answers that are 80 % sure, 80 % should be correct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from aassl_ros.report import plots
from aassl_ros.report.page import Page


class Diagram(Protocol):
    """Mean confidence, share of correct answers and number of answers of each of B bins of equal width, [B] each.

    ece: the expected calibration error.
    """

    @property
    def confidence(self) -> NDArray[np.float64]: ...

    @property
    def accuracy(self) -> NDArray[np.float64]: ...

    @property
    def answers(self) -> NDArray[np.int64]: ...

    @property
    def ece(self) -> float: ...


_BAR, _GAP = plots.COLOURS["offline"], plots.COLOURS["online"]
_COLUMNS = 3


def add_reliability(page: Page, diagrams: Mapping[str, Diagram], name: str = "reliability") -> None:
    """Add diagrams with their data to a page.

    Args:
        page: the page.
        diagrams: by what they show. Those without an answer are left out.
        name: of the data.
    """
    drawn = {title: diagram for title, diagram in diagrams.items() if diagram.answers.sum() > 0}
    if not drawn:
        page.text("There is no answer whose confidence could be compared with the truth.")
        return
    page.text(
        "Reliability: the share of correct answers over their confidence. On the dashed line they are equal. Red: the "
        "answers are too sure; light blue: not sure enough. The mean of these differences over the answers is the "
        "calibration error (ECE). Below: the number of answers."
    )
    page.picture(reliability_diagrams(drawn), "reliability diagram: " + ", ".join(map(title_of, drawn, drawn.values())))
    rows = [
        (title, f"{place / len(one.answers):g} to {(place + 1) / len(one.answers):g}", *_row(one, place))
        for title, one in drawn.items()
        for place in range(len(one.answers))
    ]
    page.data(name, ["of", "confidence", "mean confidence", "share correct", "answers"], rows)


def reliability_diagrams(diagrams: Mapping[str, Diagram]) -> bytes:
    """Draw diagrams side by side. diagrams: by their titles. Returns a PNG file."""
    columns = min(_COLUMNS, len(diagrams))
    rows = -(-len(diagrams) // columns)
    figure, axes = plt.subplots(
        2 * rows, columns, figsize=(3.4 * columns, 4.3 * rows), height_ratios=[3.2, 1] * rows, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis in axes.flat:
        axis.axis("off")
    for place, (title, diagram) in enumerate(diagrams.items()):
        row, column = 2 * (place // columns), place % columns
        _draw_shares(axes[row, column], diagram)
        axes[row, column].set_title(title_of(title, diagram), fontsize=9)
        _draw_counts(axes[row + 1, column], diagram.answers)
    return plots.png_of(figure)


def title_of(title: str, diagram: Diagram) -> str:
    """A title with the calibration error and the number of answers."""
    return f"{title}\nECE {100 * diagram.ece:.1f} %, {int(diagram.answers.sum())} answers".strip()


def _row(diagram: Diagram, place: int) -> tuple[str, str, int]:
    return f"{diagram.confidence[place]:.4f}", f"{diagram.accuracy[place]:.4f}", int(diagram.answers[place])


def _draw_shares(axis: Axes, diagram: Diagram) -> None:
    some = diagram.answers > 0
    width = 1 / len(some)
    middles = (np.flatnonzero(some) + 0.5) * width
    sure, right = diagram.confidence[some], diagram.accuracy[some]
    axis.axis("on")
    lower, wide = np.minimum(sure, right), 0.92 * width
    axis.bar(middles, lower, wide, color=_BAR, alpha=0.85)
    axis.bar(middles, right - lower, wide, bottom=lower, color=_BAR, alpha=0.4)
    axis.bar(middles, sure - lower, wide, bottom=lower, color=_GAP, alpha=0.3)
    axis.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_ylabel("share correct")
    axis.tick_params(labelbottom=False, labelsize=8)


def _draw_counts(axis: Axes, answers: NDArray[np.int64]) -> None:
    width = 1 / len(answers)
    axis.axis("on")
    axis.bar((np.arange(len(answers)) + 0.5) * width, answers, 0.92 * width, color=plots.COLOURS["chance"])
    axis.set_xlim(0, 1)
    axis.set_xlabel("confidence")
    axis.set_ylabel("answers")
    axis.tick_params(labelsize=8)
