"""The rows of a study's table: {setting, metric, mean, ci95, values}."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aassl_ros.learning.measures.intervals import Interval, mean_interval
from aassl_ros.studies.shots import distinct_shots, labels_all
from aassl_ros.studies.spec import PROBE, Results, Setting, Study
from aassl_ros.studies.statistics import paired_interval

MINUS = "_minus_"
FEW, FEW_ALL, OTHER = "few_shot_5", "few_shot_all", "other_probe"
PAIRED = ("probe", "knn", FEW, FEW_ALL, OTHER)
"""Measures with paired differences, because they are known for each test instance. FEW_ALL only if no category has more
than 5 objects, so that FEW is the same.
"""
SHOT = "few_shot_"
RANDOM, COLOURS = "random encoder", "colour histogram"
_GROUPS = ("few_shot", "alignment", "action", "structure")
_REFERENCES = ("random_encoder", "chance")
"""Parts of a group that are not measures of this encoder."""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    metric: its name; of a difference `METRIC_minus_REFERENCE`. values: one per seed, in order of the seeds.
    """

    setting: str
    metric: str
    interval: Interval
    values: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        ci95 = None if self.interval.ci95 is None else list(self.interval.ci95)
        return {
            "setting": self.setting,
            "metric": self.metric,
            "mean": self.interval.mean,
            "ci95": ci95,
            "values": list(self.values),
        }


def rows_of(study: Study, results: Results, most: int = 0) -> list[Row]:
    """Make all rows: every measure of every setting, then of the untrained baselines, then the paired differences.

    Args:
        study: the settings and which to compare.
        results: of the runs.
        most: the largest number of labelled objects that a category has; 0: unknown.

    Returns:
        The rows.
    """
    rows = []
    for setting in study.settings:
        rows += _rows(setting.name, [_measures(setting, result) for result in _by_seed(results, setting.name)])
    tested = [setting.name for setting in study.settings if setting.split == "test" and results.get(setting.name)]
    if tested:
        evaluations = [result.get("evaluation", {}) for result in _by_seed(results, tested[0])]
        rows += _rows(RANDOM, [_of_random_encoder(each) for each in evaluations])
        rows += _rows(COLOURS, [_named(PROBE, _baselines(each).get("colour_histogram")) for each in evaluations])
    for ours, theirs in study.differences:
        rows += _difference_rows(ours, theirs, results, most)
    rows += [row for setting in study.settings for row in _overhead_rows(_by_seed(results, setting.name))]
    return rows


def without_repeated(rows: list[Row], most: int) -> list[Row]:
    """Leave out the rows of numbers of labelled objects that give the same classifier as another one.

    Args:
        rows: of a table.
        most: the largest number of labelled objects that a category has; 0: unknown.

    Returns:
        The rows to show.
    """
    shots = [row.metric.split(MINUS)[0] for row in rows if row.metric.startswith(SHOT)]
    kept = distinct_shots((each.removeprefix(SHOT) for each in dict.fromkeys(shots)), most)
    left_out = {*shots} - {f"{SHOT}{each}" for each in kept}
    return [row for row in rows if row.metric.split(MINUS)[0] not in left_out]


def _measures(setting: Setting, result: Mapping[str, Any]) -> dict[str, float]:
    """Return all numbers of an evaluation by name: probe, knn, few_shot_1, alignment_viewpoint and so on.

    Those of validation objects are named val_...
    """
    evaluation = result.get("evaluation", {})
    found = {name: evaluation[name]["accuracy"] for name in ("probe", "knn") if name in evaluation}
    if "other" in result:  # categories that were not trained on
        other = result["other"]
        found |= {OTHER: other["probe"]["accuracy"], **_named("other_few_shot", other["few_shot"])}
    for group in _GROUPS:
        values = evaluation.get(group, {})
        found |= _named(group, {name: value for name, value in values.items() if name not in _REFERENCES})
    return found if setting.split == "test" else {f"{setting.split}_{name}": value for name, value in found.items()}


def _of_random_encoder(evaluation: Mapping[str, Any]) -> dict[str, float]:
    probe = _named(PROBE, _baselines(evaluation).get("random_encoder"))
    return probe | _named("alignment", evaluation.get("alignment", {}).get("random_encoder"))


def _baselines(evaluation: Mapping[str, Any]) -> dict[str, float]:
    return evaluation.get("baselines", {})


def _named(name: str, value: Any) -> dict[str, float]:
    """Return the numbers in nested mappings; the keys on the way make up their names."""
    return dict(_numbers(name, value))


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(f"{name}_{key}", part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, float(value)


def _by_seed(results: Results, setting: str) -> list[dict[str, Any]]:
    runs = results.get(setting, {})
    return [runs[seed] for seed in sorted(runs)]


def _rows(setting: str, found: Sequence[Mapping[str, float]]) -> list[Row]:
    """Make a row for each measure that all seeds have."""
    names = [name for name in found[0] if all(name in each for each in found)] if found else []
    columns = {name: tuple(each[name] for each in found) for name in names}
    return [Row(setting, name, mean_interval(values), values) for name, values in columns.items()]


def _overhead_rows(results: Iterable[Mapping[str, Any]]) -> list[Row]:
    found = [result["overhead"] for result in results if "overhead" in result]
    return [row for name in (found[0] if found else {}) for row in _rows(name, [each[name] for each in found])]


def _difference_rows(ours: str, theirs: str, results: Results, most: int) -> list[Row]:
    """Make rows of paired differences over the seeds of both settings; bootstrap over test instances and seeds."""
    five = FEW.removeprefix(SHOT)
    seeds = sorted(set(results.get(ours, {})) & set(results.get(theirs, {})))
    sides = [[results[name][seed] for seed in seeds] for name in (ours, theirs)]
    rows = []
    for metric in PAIRED:
        if metric == FEW_ALL and not labels_all(five, most):
            continue
        found = [[_per_instance(metric, each) for each in side] for side in sides]
        if not seeds or any(each is None for side in found for each in side):
            continue
        frames = sides[0][0]["other" if metric == OTHER else "evaluation"]["test_instance_frames"]
        weights = np.array(list(frames.values()), np.float64)
        mine, other = (np.array([[each[name] for name in frames] for each in side if each]) for side in found)
        values = tuple(((mine - other) @ weights / weights.sum()).tolist())
        rows.append(Row(ours, f"{metric}{MINUS}{theirs}", paired_interval(mine, other, weights), values))
    return rows


def _per_instance(metric: str, result: Mapping[str, Any]) -> Mapping[str, float] | None:
    """Return the accuracy of each test instance, None if the run has not measured it."""
    evaluation = result.get("evaluation", {})
    if metric.startswith(SHOT):
        few: Mapping[str, Mapping[str, float]] = evaluation.get("few_shot_per_instance", {})
        return few.get(metric.removeprefix(SHOT))
    part = result.get("other", {}).get("probe") if metric == OTHER else evaluation.get(metric)
    return None if part is None else part["per_instance"]
