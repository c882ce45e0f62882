"""Numbers of labelled objects that are the same classifier, and ties of the grid."""

from __future__ import annotations

from typing import Any

import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.readout.split import make_split
from aassl_ros.studies.grid import best, rank, tie_notes
from aassl_ros.studies.shots import distinct_shots, most_objects, shot_notes, shown_shots
from aassl_ros.studies.spec import Setting, Study
from aassl_ros.studies.table import rows_of, without_repeated

ALL_OF_THREE = ("1", "2", "all")


@pytest.mark.parametrize(
    ("measured", "most", "expected"),
    [
        (("1", "2", "5", "10", "all"), 3, ALL_OF_THREE),
        (("1", "2", "3", "all"), 3, ALL_OF_THREE),
        (("1", "5", "10"), 3, ("1", "5")),
        (("1", "5", "all"), 8, ("1", "5", "all")),
        (("1", "5"), 8, ("1", "5")),
        (("1", "5", "all"), 0, ("1", "5", "all")),
    ],
)
def test_one_of_the_numbers_that_label_all_objects_stays(
    measured: tuple[str, ...], most: int, expected: tuple[str, ...]
) -> None:
    assert distinct_shots(measured, most) == expected


def test_readers_see_how_many_all_are() -> None:
    assert [shown_shots(name, 3) for name in ("1", "5", "all")] == ["1", "all (3)", "all (3)"]
    assert [shown_shots(name, 0) for name in ("5", "all")] == ["5", "all"]


def test_numbers_that_no_category_has_are_named(data: PreparedData) -> None:
    parts = make_split(data, "test", 2)
    assert most_objects(parts) == 4
    assert shot_notes(parts, (1, 2, 5, 10, 0)) == [
        "few-shot 5, 10: left out, because no category has more than 4 objects to label"
    ]
    assert shot_notes(parts, (1, 2)) == shot_notes(parts, (1, 5)) == []


def result(probe: float, five: float, knn: float) -> dict[int, dict[str, Any]]:
    few_shot = {"1": 0.9, "5": five, "all": 0.1}
    per_instance = {shots: {"a": value, "b": value} for shots, value in few_shot.items()}
    neighbours = {"accuracy": knn, "per_instance": {"a": knn, "b": knn}}
    return {0: {"evaluation": {
        "probe": {"accuracy": probe, "per_instance": {"a": probe, "b": probe}}, "knn": neighbours,
        "few_shot": few_shot, "few_shot_per_instance": per_instance, "test_instance_frames": {"a": 1, "b": 1},
    }}}  # fmt: skip


@pytest.mark.parametrize(
    ("results", "winner", "said"),
    [
        ([(0.5, 0.4, 0.9), (0.5, 0.6, 0.1)], "b", "2 equal points, 2 validation objects (few-shot accuracy, then kNN"),
        ([(0.5, 0.4, 0.1), (0.5, 0.4, 0.2)], "b", "2 equal points, 2 validation objects (few-shot accuracy, then kNN"),
        ([(0.5, 0.4, 0.1), (0.5, 0.4, 0.1)], "a", "2 equal points, 2 validation objects (few-shot accuracy and kNN t"),
        ([(0.6, 0.1, 0.1), (0.5, 0.9, 0.9)], "a", ""),
    ],
)
def test_points_that_tie_are_ranked_by_few_shot_accuracy_then_neighbours(
    results: list[tuple[float, float, float]], winner: str, said: str
) -> None:
    points = [Setting(name, {}) for name in "ab"]
    found = {name: result(*values) for name, values in zip("ab", results, strict=True)}
    chosen = best(points, found)
    assert chosen is not None
    assert chosen.name == winner
    notes = tie_notes([points], found)
    assert len(notes) == bool(said)
    assert said in "".join(notes)


def test_a_rank_needs_no_more_than_the_probe() -> None:
    assert rank(Setting("a", {}), {"a": {0: {"evaluation": {"probe": {"accuracy": 0.5}}}}}) == (0.5, 0, 0)


def test_differences_are_of_all_objects_if_no_category_has_more_than_five() -> None:
    study = Study("test", "Why?", (Setting("new", {}), Setting("old", {})), (("new", "old"),))
    results = {"new": result(0.5, 0.5, 0.5), "old": result(0.4, 0.2, 0.5)}

    def metrics(most: int, *, shown: bool) -> set[str]:
        rows = rows_of(study, results, most)
        return {row.metric for row in (without_repeated(rows, most) if shown else rows) if "few_shot" in row.metric}

    everything = {"few_shot_1", "few_shot_5", "few_shot_all", "few_shot_5_minus_old"}
    assert metrics(9, shown=True) == metrics(9, shown=False) == metrics(0, shown=True) == everything
    assert metrics(3, shown=False) == {*everything, "few_shot_all_minus_old"}  # table.json has all
    assert metrics(3, shown=True) == {"few_shot_1", "few_shot_all", "few_shot_all_minus_old"}
