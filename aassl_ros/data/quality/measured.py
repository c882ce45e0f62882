"""What one measure found: numbers, problems and what to plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_POINTS = 4000


@dataclass(frozen=True)
class Plot:
    """Curves over one axis. curves: name -> float64 [N]; across: float64 [N]; x, y: labels with units.

    level: a threshold to draw, if any. dots: draw points, not lines.
    """

    x: str
    y: str
    across: Floats
    curves: Mapping[str, Floats]
    level: float | None = None
    dots: bool = False

    def thinned(self) -> Plot:
        """At most some thousand points, with the largest value of each group, so that no peak disappears."""
        size = -(-len(self.across) // _MOST_POINTS)
        if size <= 1:
            return self
        whole = len(self.across) // size * size
        curves = {
            name: np.fmax.reduce(values[:whole].reshape(-1, size), axis=1) for name, values in self.curves.items()
        }
        return Plot(self.x, self.y, self.across[:whole:size], curves, self.level, self.dots)


@dataclass
class Measured:
    """The result of one measure.

    title: what was measured. numbers: name with unit -> value, JSON. problems: thresholds that were missed, one line
    each. notes: what could not be measured and why, or what to do.
    """

    title: str
    numbers: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)

    def require(self, right: bool, problem: str) -> None:
        """Add a problem unless `right`."""
        if not right:
            self.problems.append(problem)


def share(mask: NDArray[np.bool_]) -> float:
    """The fraction of true values; 0 if there are none."""
    return float(mask.mean()) if len(mask) else 0.0


def percent(value: float) -> str:
    """A fraction in percent with as many digits as it needs."""
    return f"{100 * value:.3g} %"
