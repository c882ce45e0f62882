"""Rows of a table, from results that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aassl_ros.studies.spec import OVERHEAD, Setting, Study
from aassl_ros.studies.table import rows_of

NAMES = ("a", "b", "c", "d")
FRAMES = {"a": 10, "b": 10, "c": 30, "d": 10}


def result(accuracies: list[float], **others: Any) -> dict[str, Any]:
    each = dict(zip(NAMES, accuracies, strict=True))
    mean = float(np.average(accuracies, weights=list(FRAMES.values())))
    measure = {"accuracy": mean, "per_instance": each}
    evaluation = {
        "probe": measure,
        "knn": measure,
        "few_shot": {"1": 0.3, "5": 0.4},
        "test_instance_frames": FRAMES,
        "baselines": {"random_encoder": 0.25, "colour_histogram": 0.2},
        "alignment": {"viewpoint": 0.3, "chance": {"viewpoint": 0.0}, "random_encoder": {"viewpoint": 0.1}},
        "action": {"hit_at_1": 0.2, "rotation_of": "object_pose"},
        "structure": {"rankme": 30.0, "consistency": {"neighbours": 0.9}},
    }
    return {"evaluation": {**evaluation, **others}}


def study(**others: Any) -> Study:
    settings = (Setting("new", {}), Setting("old", {}))
    return Study("test", "Why?", settings, (("new", "old"),), **others)


def test_every_measure_of_every_setting_has_a_row_of_its_seeds() -> None:
    results = {"new": {1: result([1, 1, 1, 0]), 0: result([1, 1, 0, 0])}, "old": {0: result([0, 0, 0, 0])}}
    rows = {(row.setting, row.metric): row for row in rows_of(study(), results)}
    assert rows["new", "probe"].values == pytest.approx((20 / 60, 50 / 60))  # in order of the seeds
    assert rows["new", "probe"].interval.mean == pytest.approx(35 / 60)
    for metric in ("few_shot_1", "alignment_viewpoint", "action_hit_at_1", "structure_rankme",
                   "structure_consistency_neighbours"):  # fmt: skip
        assert len(rows["new", metric].values) == 2
    assert rows["random encoder", "probe"].values == (0.25, 0.25)
    assert rows["random encoder", "alignment_viewpoint"].values == (0.1, 0.1)
    assert not any("rotation_of" in metric or "chance" in metric for _, metric in rows)
    assert rows["old", "probe"].to_json() == {
        "setting": "old", "metric": "probe", "mean": 0.0, "ci95": None, "values": [0.0]
    }  # fmt: skip


def test_a_difference_is_paired_by_seed_and_weighs_instances_by_their_frames() -> None:
    results = {
        "new": {0: result([1, 1, 1, 0]), 1: result([1, 0, 1, 1]), 2: result([0, 0, 0, 0])},
        "old": {0: result([1, 0, 1, 0]), 1: result([1, 0, 0, 1])},
    }
    (row,) = [row for row in rows_of(study(), results) if row.metric == "probe_minus_old"]
    assert row.values == pytest.approx((10 / 60, 30 / 60))
    assert row.interval.mean == pytest.approx(20 / 60)
    assert row.interval.ci95[0] <= row.interval.mean <= row.interval.ci95[1]


def test_measures_on_validation_objects_are_named_so() -> None:
    chosen = Study("test", "Why?", (Setting("new", {}, split="val"),))
    rows = rows_of(chosen, {"new": {0: result([1, 1, 1, 1])}})
    assert {row.metric for row in rows} >= {"val_probe", "val_knn"}
    assert all(row.metric.startswith("val_") for row in rows)


def test_measures_that_are_missing_leave_no_row() -> None:
    bare = {"evaluation": {"structure": {"rankme": 3.0}}}
    rows = rows_of(study(), {"new": {0: bare}, "old": {0: bare}})
    assert [(row.setting, row.metric) for row in rows] == [("new", "structure_rankme"), ("old", "structure_rankme")]
    assert rows_of(study(), {}) == []


def test_overhead_has_a_row_for_each_method() -> None:
    times = {"simclr": {"step_ms": 10.0}, "aa_simclr": {"step_ms": 12.0}}
    rows = rows_of(Study("o", "?", (Setting("overhead", {}, kind=OVERHEAD),)), {"overhead": {0: {"overhead": times}}})
    assert [(row.setting, row.metric, row.values) for row in rows] == [
        ("simclr", "step_ms", (10.0,)),
        ("aa_simclr", "step_ms", (12.0,)),
    ]
