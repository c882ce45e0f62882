"""The studies: every one can be planned, and what cannot is said in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.studies.catalogue import STUDIES
from aassl_ros.studies.planning import plan
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import Choices
from aassl_ros.studies.study import slug


def request(study: str, choices: Choices | None = None, **others: Any) -> Request:
    return Request(study, Path("out"), Path("data"), 2, choices=choices or Choices(), **others)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_settings_that_training_takes_each_with_a_folder_of_its_own(name: str) -> None:
    study = plan(request(name))
    names = [setting.name for setting in study.settings]
    assert study.name == name
    assert len({slug(each) for each in names}) == len(names) > 0
    assert {each for pair in study.differences for each in pair} <= set(names)
    assert {setting for points in study.lines.values() for setting, _ in points} <= set(names)


def test_methods_compares_all_with_simclr_at_equal_updates_and_at_equal_frames() -> None:
    study = plan(request("methods"))
    budgets = {setting.name: setting.budget for setting in study.settings}
    assert set(budgets) == {*METHODS, "simclr_equal_frames"}
    assert budgets.pop("simclr_equal_frames") == 2
    assert set(budgets.values()) == {1}
    for reference in ("simclr", "simclr_tt", "simclr_equal_frames"):
        assert ("aa_simclr", reference) in study.differences
    assert ("aa_byol", "byol") in study.differences


def test_each_control_corrupts_one_thing() -> None:
    changes = {setting.name: setting.settings for setting in plan(request("controls")).settings}
    assert changes["aa_simclr actions shuffled"] == {"method": "aa_simclr", "control": "actions_shuffled"}
    turn_size = {"method": "aa_simclr", "action_space": "turn_size", "action_components": ()}
    assert changes["aa_simclr turn size alone"] == turn_size
    assert changes["simclr"] == {"method": "simclr"}


def test_the_windows_are_the_chosen_ones_and_the_episode_is_beyond_the_widest() -> None:
    study = plan(request("window", Choices(values=("degrees:10:30", "episode"))))
    windows = [setting.settings["window"] for setting in study.settings]
    assert windows == 2 * ["degrees:10:30", "episode"]
    (near, far) = study.lines["aa_simclr"]
    assert near == ("aa_simclr degrees:10:30", 30.0)
    assert far[1] > 30


def test_a_grid_has_only_what_a_method_looks_at() -> None:
    grid = {"window": ("frames:1", "episode"), "action_weight": (0.2, 1.0), "crop_minimum": (0.2, 0.5)}
    names = [setting.name for setting in plan(request("grid", Choices(grid=grid))).settings]
    assert sum(name.startswith("simclr ") for name in names) == 2
    assert sum(name.startswith("simclr_tt") for name in names) == 4
    assert sum(name.startswith("aa_simclr concat") for name in names) == 8
    assert all(setting.settings["validation"] for setting in plan(request("grid")).settings)
    fixed = plan(request("grid", Choices(grid={"action_weight": (0.2, 1.0)}), settings={"window": "frames:2"}))
    assert not any("window" in setting.settings for setting in fixed.settings)


def test_only_some_settings_may_be_asked_for() -> None:
    study = plan(request("controls", only=("simclr",)))
    assert [setting.name for setting in study.settings] == ["simclr"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (request("fame"), "there is no study 'fame', expected one of methods, controls"),
        (request("methods", Choices(("simclr", "magic"))), "--methods: there is no method 'magic'"),
        (request("controls", only=("aa",)), "--only: there is no setting 'aa', expected some of aa_simclr"),
        (request("methods", settings={"method": "simclr"}), "--set method: the study methods varies it"),
        (request("methods", settings={"seed": 1}), "--set seed: a study sets it for its runs itself"),
        (request("methods", settings={"width": 1}), "--set: width = 1, expected an integer from 4 to 512"),
        (request("methods", evaluation={"few_shot_draws": 0}), "--set: few_shot_draws = 0, expected"),
        (request("window", Choices(values=("far",))), "--values = 'far', expected episode, next"),
        (request("window", Choices(values=("miles:3",))), "--values = 'miles:3', expected"),
        (request("controls", Choices(("aa_simclr", "byol"))), "--methods: byol uses no actions, expected some of"),
        (request("action-noise", Choices(("simclr",))), "--methods: simclr uses no actions, expected some of"),
        (request("action-noise", Choices(values=("much",))), "--values much: expected numbers"),
        (
            request("grid", Choices(grid={"fusion": ("concat",)})),
            "--grid fusion: the compared methods already differ in it",
        ),
        (
            request("grid", Choices(grid={"epochs": (1, 2)})),
            "--grid epochs: it must be the same in all runs of a study",
        ),
        (request("grid", Choices(grid={"seed": (1, 2)})), "--grid seed: it must be the same in all runs of a study"),
        (
            request("grid", settings={"updates": 3}),
            "--set updates: a study sets it for its runs itself. Use --up",
        ),
        (
            request("methods", settings={"early_stop": "rankme"}),
            "--set early_stop: the runs of a study have equally many updates, and some would stop earlier",
        ),
        (request("grid", settings={"window": "frames:2"}), "--set window: the study grid varies it"),
    ],
)
def test_an_impossible_study_is_an_error_of_one_line(wrong: Request, message: str) -> None:
    with pytest.raises(ConfigError) as reported:
        plan(wrong)
    assert message in str(reported.value)
    assert len(str(reported.value).splitlines()) == 1


def test_controls_of_one_number_are_not_asked_for_parts_of_the_true_action() -> None:
    given = {"action_components": ("rotation",), "same_action": 5.0}
    settings = {each.name: {**given, **each.settings} for each in plan(request("controls", settings=given)).settings}
    assert settings["aa_simclr actions shuffled"]["action_components"] == ("rotation",)
    assert settings["aa_simclr turn size alone"]["action_components"] == ()
    assert settings["aa_simclr time alone"]["action_components"] == ()
    assert settings["aa_simclr time alone"]["same_action"] == 0


def test_a_grid_tries_no_fusion_of_a_method_without_actions() -> None:
    choices = Choices(
        ("simclr_tt", "aa_simclr"), grid={"fusion": ("concat", "difference"), "slow_momentum": (0.9, 0.99)}
    )
    names = [setting.name for setting in plan(request("grid", choices)).settings]
    assert names == ["simclr_tt", "aa_simclr fusion=concat", "aa_simclr fusion=difference"]


def test_a_grid_masks_same_actions_only_of_methods_that_can() -> None:
    choices = Choices(("aa_simclr", "ciper"), grid={"same_action": (0.0, 2.0)})
    names = [setting.name for setting in plan(request("grid", choices)).settings]
    assert names == ["aa_simclr same_action=0.0", "aa_simclr same_action=2.0", "ciper"]
