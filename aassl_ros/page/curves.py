"""The numbers that the page draws over time: losses, RankMe and accuracies from the nodes' diagnostics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Which values of which node are drawn.
DRAWN = {
    "trainer": ("loss", "contrastive", "action", "rankme", "probe_accuracy"),
    "evaluator": ("accuracy_left_out", "latency_ms"),
}
_MOST = 2000


@dataclass(frozen=True)
class Point:
    """Values that one node reported at one time. at_s: clock of the page node, s."""

    number: int
    at_s: float
    values: Mapping[str, float]

    def shown(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        return {"at": round(self.at_s, 2), **self.values}


class Curves:
    """Points of all drawn values, oldest first. If there are too many, every second of them is dropped."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._next = 1

    @property
    def newest(self) -> int:
        """The number of the newest point; 0 if there is none."""
        return self._next - 1

    def add(self, node: str, values: Mapping[str, str], at_s: float) -> bool:
        """Add what a node reported, if some of it is drawn. Returns whether a point was added."""
        drawn = {name: number for name in DRAWN.get(node, ()) if (number := _number(values.get(name))) is not None}
        if not drawn:
            return False
        if node == "trainer" and (step := _number(values.get("step"))) is not None:
            drawn["step"] = step
        self.points.append(Point(self._next, at_s, drawn))
        self._next += 1
        if len(self.points) > _MOST:
            del self.points[1 : _MOST // 2 : 2]
        return True

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the points after that number, as the browser gets them."""
        return [point.shown() for point in self.points if point.number > number]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
