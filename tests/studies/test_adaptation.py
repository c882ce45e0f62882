"""`aassl study adaptation`: the frozen encoder beside methods that adapt it, chosen on validation objects."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.motion import rotations
from aassl_ros.studies.adaptation import adaptation, has_actions, has_turns, near_window
from aassl_ros.studies.other_categories import without_categories
from aassl_ros.studies.pictures import LABELS_PLOT
from aassl_ros.studies.planning import with_defaults
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import FROZEN, Choices
from aassl_ros.studies.study import conduct
from aassl_ros.studies.writing import write

SETTINGS = {"batch": 8, "width": 4}
EVALUATION = {"frames_per_episode": 2, "few_shot_draws": 2}
METHODS = ("simclr_tt", "aa_simclr concat", "simclr")
RATES = {"encoder_lr": (1e-5, 1e-3)}


def request(data: PreparedData, out: Path, **others: Any) -> Request:
    choices = Choices(methods=("simclr_tt",), grid=RATES)
    known = {"settings": SETTINGS, "evaluation": EVALUATION, "updates": 1, "choices": choices, "quick": True}
    return Request("adaptation", out, data.path, **{"seeds": 1, **known, **others})


def renamed(data: PreparedData, path: Path, names: dict[str, str]) -> Path:
    """A copy of prepared data with other names of categories."""
    path.mkdir()
    for file in data.path.iterdir():
        if file.is_file():
            (path / file.name).write_bytes(file.read_bytes())
    table = json.loads((path / "prepared.json").read_text())
    for row in table["episodes"]:
        row["category"] = names.get(row["category"], row["category"])
    (path / "prepared.json").write_text(json.dumps(table))
    return path


def test_each_method_is_tested_once_at_its_best_point_beside_the_frozen_encoder(
    data: PreparedData, tmp_path: Path, here: Any
) -> None:
    other = renamed(data, tmp_path / "other", {"bar": "cup", "box": "key"})
    choices = Choices(methods=("simclr_tt",), grid=RATES)
    asked = request(data, tmp_path / "out", choices=choices, forgetting=other)

    conclusion = conduct(asked, here(), lambda now: None, lambda: False)

    assert conclusion.failed == {}
    points = {rate: conclusion.results[f"simclr_tt encoder_lr={rate}"][0] for rate in RATES["encoder_lr"]}
    measured = {rate: run["evaluation"] for rate, run in points.items()}
    scores = {
        rate: (each["probe"]["accuracy"], each["few_shot"]["5"], each["knn"]["accuracy"])
        for rate, each in measured.items()
    }
    best = max(scores, key=lambda rate: scores[rate])
    assert all(run["evaluation"]["split"] == "val" for run in points.values())
    tested = conclusion.results[f"best simclr_tt encoder_lr={best}"][0]
    assert tested["evaluation"]["split"] == "test"
    assert set(tested["evaluation"]["few_shot"]) == {"1", "2", "5", "10", "all"}
    assert tested["other"]["confusion"]["categories"] == ["cup", "key"]  # without `dot`, which was trained on
    frozen = conclusion.results["frozen"][0]
    assert frozen["updates"] == 0

    table = write(conclusion, asked.out)
    found = {(row["setting"], row["metric"]): row["mean"] for row in table["rows"]}
    ours = f"best simclr_tt encoder_lr={best}"
    for metric in ("probe", "knn", "few_shot_all", "other_probe"):
        difference = found[ours, metric] - found["frozen", metric]
        assert found[ours, f"{metric}_minus_frozen"] == pytest.approx(difference)
    assert ("colour histogram", "probe") in found
    assert (asked.out / f"{LABELS_PLOT}.png").stat().st_size > 5000
    with (asked.out / f"{LABELS_PLOT}.csv").open(newline="") as file:
        _, *points = csv.reader(file)
    shown = {(setting, count): float(mean) for setting, count, mean, _, _ in points}
    assert shown[ours, "all (4)"] == pytest.approx(100 * found[ours, "few_shot_all"])
    assert {count for _, count in shown} == {"1", "2", "all (4)"}  # no category has more objects to label
    page = (asked.out / "table.md").read_text()
    assert "action_components rotation" in page
    assert "| 1 shot | 2 shots | all (4) shots |" in page
    assert "- few-shot 5, 10: left out, because no category has more than 4 objects to label" in page
    assert "| setting | minus | probe | kNN | all (4) shots |" in page

    finished = here()
    conduct(asked, finished, lambda now: None, lambda: False)
    assert finished.executed == []


def test_a_category_held_out_is_neither_trained_nor_tested_on(data: PreparedData) -> None:
    kept = without_categories(data, ("bar",))
    rows = [row for row in kept.episodes if row.set in ("train", "test")]
    assert {row.category for row in rows} == {"box", "dot"}
    assert not [name for name in kept.instances(("train", "test")) if name.startswith("bar")]
    assert kept.fingerprint != data.fingerprint
    with pytest.raises(ConfigError, match="--held-out-categories cat: expected some of bar, box, dot"):
        without_categories(data, ("cat",))


def test_other_data_with_the_same_categories_are_refused_before_any_training(
    data: PreparedData, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="0 categories remain"):
        conduct(request(data, tmp_path, forgetting=data.path), None, None, None)  # type: ignore[arg-type]


def test_without_poses_pairs_are_near_in_frames(data: PreparedData) -> None:
    nowhere = replace(data, object_pose=np.full_like(data.object_pose, np.nan))
    assert near_window(nowhere) == "frames:3"


@pytest.mark.parametrize(
    ("step_deg", "window"), [(15, "degrees:40"), (40.1, "degrees:50"), (50, "degrees:60"), (45, "degrees:55")]
)
def test_pairs_are_near_in_degrees_and_reach_the_next_view(data: PreparedData, step_deg: float, window: str) -> None:
    within = np.arange(len(data)) - np.array([row.start for row in data.episodes])[data.episode_of]
    pose = data.object_pose.copy()
    pose[:, 3:] = rotations.from_rotation_vector(np.radians(step_deg * within)[:, None] * [[0, 0, 1]])
    assert near_window(replace(data, object_pose=pose)) == window


def test_shuffled_actions_take_the_settings_of_the_better_fusion() -> None:
    study = adaptation(Choices(methods=("aa_simclr",), grid=RATES))

    def results(concat: float, difference: float) -> dict[str, Any]:
        values = {"concat": concat, "difference": difference}
        return {
            setting.name: {0: {"evaluation": {"probe": {"accuracy": values[setting.settings["fusion"]]}}}}
            for setting in study.settings
            if setting.kind != FROZEN
        }

    assert study.follow is not None
    for found, fusion in ((results(0.6, 0.5), "concat"), (results(0.5, 0.6), "difference")):
        shuffled = [each for each in study.follow(found).settings if "control" in each.settings]
        assert [each.settings["fusion"] for each in shuffled] == [fusion]


def test_a_contestant_can_be_chosen_by_its_name() -> None:
    study = adaptation(Choices(methods=("aa_simclr concat", "simclr"), grid=RATES))
    assert {each.settings.get("fusion") for each in study.settings if each.settings["method"] == "aa_simclr"} == {
        "concat"
    }
    assert {each.settings["method"] for each in study.settings} == {"aa_simclr", "simclr"}


def test_the_action_is_the_turn_if_poses_are_known_and_the_user_names_no_other(data: PreparedData) -> None:
    nowhere = replace(data, object_pose=np.full_like(data.object_pose, np.nan))
    assert has_turns(data)
    assert not has_turns(nowhere)

    def used(settings: dict[str, Any], turns: bool) -> Any:
        choices = Choices(methods=("aa_simclr",), turns=turns)
        asked = Request("adaptation", Path("out"), data.path, 1, settings=settings, choices=choices)
        return with_defaults(asked).settings.get("action_components")

    assert used({}, True) == ("rotation",)
    assert used({}, False) is None
    assert used({"action_space": "joints"}, True) is None
    assert used({"action_components": ("translation",)}, True) == ("translation",)


def test_actions_are_compared_with_shuffled_ones_and_with_no_actions() -> None:
    names = [each.name for each in adaptation(Choices(methods=METHODS, validated=False)).settings]
    differences = adaptation(Choices(methods=METHODS, validated=False)).differences
    ours = "best aa_simclr concat"
    assert {second for first, second in differences if first == ours} == {*names} - {ours}


def test_without_validation_objects_there_is_no_grid() -> None:
    study = adaptation(Choices(methods=("simclr_tt",), validated=False, near="frames:3"))
    assert study.follow is None
    assert [each.name for each in study.settings] == ["frozen", "best simclr_tt"]


@pytest.fixture(scope="session")
def few_objects(write_tiny: Callable[..., PreparedData], tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return write_tiny(tmp_path_factory.mktemp("few") / "data", poses=False)


def test_data_without_actions_leave_out_the_methods_that_need_them_and_say_so(
    few_objects: PreparedData, tmp_path: Path, here: Any
) -> None:
    said: list[str] = []
    asked = request(few_objects, tmp_path, choices=Choices(grid={"encoder_lr": (1e-3,)}))
    conclusion = conduct(asked, here(), lambda now: None, lambda: False, said.append)
    methods = {setting.settings["method"] for setting in conclusion.study.settings}
    assert methods == {"simclr", "simclr_tt", "byol"}
    assert said[0].startswith("The data have no action but the time between two frames")
    assert "the methods with actions (aa_simclr, ciper, equimod, aa_byol) are left out" in said[0]
    write(conclusion, tmp_path)
    assert f"- {said[0]}" in (tmp_path / "table.md").read_text().splitlines()


def test_methods_with_actions_stay_if_the_user_names_an_action(data: PreparedData, few_objects: PreparedData) -> None:
    assert has_actions(data, {})
    assert not has_actions(few_objects, {})
    assert has_actions(few_objects, {"action_space": "time"})
    named = adaptation(Choices(methods=("aa_simclr",), actions=False))
    assert (named.notes, adaptation(Choices()).notes) == ((), ())
    assert any(each.settings["method"] == "aa_simclr" for each in named.settings)


def test_data_without_poses_say_which_action_was_used(few_objects: PreparedData, tmp_path: Path, here: Any) -> None:
    choices = Choices(methods=("aa_simclr",))  # the grid that `aassl study adaptation DATA` has
    conclusion = conduct(request(few_objects, tmp_path, choices=choices), here(), lambda now: None, lambda: False)
    assert conclusion.failed == {}
    actions = {run["action"] for runs in conclusion.results.values() for run in runs.values()} - {""}
    assert len(actions) == 1
    assert actions.pop().startswith("time (seconds)")
