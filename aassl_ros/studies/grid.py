"""Comparison of each method at its best point of a grid, which is chosen on validation objects and then tested once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aassl_ros.errors import ConfigError
from aassl_ros.learning.objectives.methods import METHODS, masks_same_actions
from aassl_ros.studies.spec import Choices, Results, Setting, Study

GRID: dict[str, tuple[Any, ...]] = {
    "window": ("episode", "frames:1", "frames:2", "frames:5"),
    "action_weight": (0.2, 1.0),
}
_FEW = "5"
_DIGITS = 9  # accuracies that differ by rounding are equal
_OF_PAIRS = ("window",)
_OF_MASKS = ("same_action",)
_OF_SLOW_COPIES = ("slow_momentum",)
_OF_ACTIONS = (
    "fusion", "action_weight", "action_temperature", "rotation", "action_components", "action_space"
)  # fmt: skip
CONTESTANTS: dict[str, dict[str, Any]] = {
    "simclr": {"method": "simclr"},
    "simclr_tt": {"method": "simclr_tt"},
    "aa_simclr concat": {"method": "aa_simclr", "fusion": "concat"},
    "aa_simclr difference": {"method": "aa_simclr", "fusion": "difference"},
}


def grid(choices: Choices) -> Study:
    """Make a study of all points of the grid that have an effect on a method, then of the best point of each method."""
    contestants = {name: CONTESTANTS.get(name, {"method": name}) for name in choices.methods} or CONTESTANTS
    candidates: dict[str, list[Setting]] = {
        name: [candidate(name, own, point, choices.grid_seeds) for point in points(own, choices.grid or GRID)]
        for name, own in contestants.items()
    }
    tried = Study(
        "grid",
        "Which method is best if each has its best window and weight?",
        tuple(itertools.chain.from_iterable(candidates.values())),
        tried=tuple(choices.grid or GRID),
    )

    def follow(results: Results) -> Study:
        winners = {name: best(own, results) for name, own in candidates.items()}
        tested = {name: _tested(name, winner) for name, winner in winners.items() if winner is not None}
        names = [setting.name for setting in tested.values()]
        differences = [(names[j], names[i]) for i in range(len(names)) for j in range(i + 1, len(names))]
        notes = tie_notes(candidates.values(), results)
        return replace(tried, settings=tuple(tested.values()), differences=tuple(differences), notes=notes)

    return replace(tried, follow=follow)


def points(own: Mapping[str, Any], grid: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return all combinations of the values that the method uses. Raises ConfigError if it fixes one of them itself."""
    fixed = sorted(set(own) & set(grid))
    if fixed:
        raise ConfigError(f"--grid {fixed[0]}: the compared methods already differ in it. Leave it out.")
    method = METHODS[own["method"]]
    unused = (_OF_PAIRS if method.pairs == "classic" else ()) + (() if method.uses_actions else _OF_ACTIONS)
    unused += () if method.slow_encoder else _OF_SLOW_COPIES
    unused += () if masks_same_actions(own["method"]) else _OF_MASKS
    axes = {name: values for name, values in grid.items() if name not in unused}
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def candidate(name: str, own: Mapping[str, Any], point: Mapping[str, Any], seeds: int) -> Setting:
    words = " ".join(f"{key}={value}" for key, value in point.items())
    settings = {**own, **point, "validation": True}
    return Setting(f"{name} {words}".strip(), settings, split="val", seeds=seeds)


def best(candidates: Sequence[Setting], results: Results) -> Setting | None:
    """Return the one with the highest rank on validation objects; None if all runs of the method failed."""
    finished = [each for each in candidates if results.get(each.name)]
    return max(finished, key=lambda each: rank(each, results), default=None)


def rank(setting: Setting, results: Results) -> tuple[float, float, float]:
    """The mean accuracies of a setting on validation objects: probe; if that ties, few-shot; if that ties, kNN.

    Few-shot is with 5 labelled objects if that was measured, else with the most.
    """
    runs = [run["evaluation"] for run in results[setting.name].values()]
    few = [run.get("few_shot", {}) for run in runs]
    shots = _FEW if _FEW in few[0] else max(few[0], key=_number, default="")
    each = (
        [run["probe"]["accuracy"] for run in runs],
        [one[shots] for one in few if shots in one],
        [run["knn"]["accuracy"] for run in runs if "knn" in run],
    )
    probe, few_shot, knn = (round(float(np.mean(values)), _DIGITS) if values else 0.0 for values in each)
    return probe, few_shot, knn


def tie_notes(methods: Iterable[Sequence[Setting]], results: Results) -> tuple[str, ...]:
    """Describe choices among points with the same accuracy of the probe on validation objects.

    Args:
        methods: the points of each method.
        results: of their runs.

    Returns:
        A note for each method whose best points are equal.
    """
    notes = []
    for candidates in methods:
        winner = best(candidates, results)
        if winner is None:
            continue
        top = rank(winner, results)
        ranks = [rank(each, results) for each in candidates if results.get(each.name)]
        equal = sum(each[0] == top[0] for each in ranks)
        if equal > 1:
            run = next(iter(results[winner.name].values()))["evaluation"]
            objects = len(run.get("test_instance_frames", {}))
            also = "few-shot accuracy and kNN tie, too, so it is the first of them"
            how = also if ranks.count(top) > 1 else "few-shot accuracy, then kNN, decided"
            notes.append(
                f"best {winner.name}: chosen among {equal} equal points, {objects} validation objects ({how})."
            )
    return tuple(notes)


def _number(shots: str) -> float:
    """The number of labelled objects; all of them are the most."""
    return float(shots) if shots.isdecimal() else np.inf


def _tested(name: str, winner: Setting) -> Setting:
    settings = {key: value for key, value in winner.settings.items() if key != "validation"}
    return Setting(f"best {winner.name}", settings)
