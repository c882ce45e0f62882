"""The table of a study: rows {setting, metric, mean, ci95, values} as JSON, as Markdown and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aassl_ros.studies.definitions import Study
from aassl_ros.studies.statistics import Interval, mean_interval, paired_interval

Results = Mapping[str, Mapping[int, dict[str, Any]]]
"""By setting and seed: what studies/run.py leaves of each finished run."""
PRIMARY = "probe"
_PAIRED = ("probe", "knn")
_BASELINES = ("random_encoder", "colour_histogram")
_GROUPS = ("few_shot", "alignment", "action", "consistency", "per_view")


@dataclass(frozen=True)
class Row:
    """values: one a seed, in order of the seeds. Of a difference, metric is `METRIC_minus_REFERENCE`."""

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


def rows_of(study: Study, results: Results) -> list[Row]:
    """Every measure of every setting, the untrained references, then the paired differences."""
    rows = []
    for setting in study.settings:
        rows += _mean_rows(setting.name, [measures(result["evaluation"]) for result in _of(results, setting.name)])
    first = next((list(_of(results, setting.name)) for setting in study.settings if results.get(setting.name)), [])
    for name in _BASELINES:
        values = [{PRIMARY: result["evaluation"]["baselines"][name]} for result in first]
        rows += _mean_rows(name.replace("_", " "), values)
    for ours, theirs in study.differences:
        rows += _difference_rows(ours, theirs, results)
    return rows


def measures(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """The figures of an EVALUATION that a table can hold, as many as there are: probe, knn, few_shot_1, ..."""
    found = {"probe": evaluation["probe"]["accuracy"], "knn": evaluation["knn"]["accuracy"]}
    for group in _GROUPS:
        found |= dict(_numbers(group, evaluation.get(group)))
    found |= dict(_numbers("rankme", evaluation.get("rankme")))
    return found


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in nested mappings, named by their way down."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(f"{name}_{key}", part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, float(value)


def _of(results: Results, setting: str) -> Iterator[dict[str, Any]]:
    runs = results.get(setting, {})
    return (runs[seed] for seed in sorted(runs))


def _mean_rows(setting: str, found: Sequence[Mapping[str, float]]) -> list[Row]:
    if not found:
        return []
    names = [name for name in found[0] if all(name in each for each in found)]
    columns = {name: tuple(each[name] for each in found) for name in names}
    return [Row(setting, name, mean_interval(values), values) for name, values in columns.items()]


def _difference_rows(ours: str, theirs: str, results: Results) -> list[Row]:
    """Over the seeds that both have; by bootstrap over test instances and seeds."""
    seeds = sorted(set(results.get(ours, {})) & set(results.get(theirs, {})))
    if not seeds:
        return []
    evaluations = [[results[name][seed]["evaluation"] for seed in seeds] for name in (ours, theirs)]
    frames = evaluations[0][0]["test_instance_frames"]
    weights = np.array(list(frames.values()), np.float64)
    rows = []
    for metric in _PAIRED:
        mine, other = (
            np.array([[each[metric]["per_instance"][name] for name in frames] for each in side]) for side in evaluations
        )
        values = tuple(((mine - other) @ weights / weights.sum()).tolist())
        rows.append(Row(ours, f"{metric}_minus_{theirs}", paired_interval(mine, other, weights), values))
    return rows
