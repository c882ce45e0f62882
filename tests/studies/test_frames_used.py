"""What is found out before the first run: frames of each setting, and a batch that they fill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.motion import rotations
from aassl_ros.studies.damage import Damage
from aassl_ros.studies.frames_used import FramesUsed, describe_frames, fit_batch, frames_used
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import FROZEN, Choices, Setting
from aassl_ros.studies.study import conduct
from aassl_ros.studies.writing import write

TT, AA = Setting("tt", {"method": "simclr_tt"}), Setting("aa", {"method": "aa_simclr"})


def used(data: PreparedData, *settings: Setting, **common: Any) -> dict[str, FramesUsed]:
    return frames_used(data, settings, Request("methods", Path("out"), data.path, 1, settings=common))


def turned(data: PreparedData, step_deg: float) -> PreparedData:
    within = np.arange(len(data)) - np.array([row.start for row in data.episodes])[data.episode_of]
    pose = data.object_pose.copy()
    pose[:, 3:] = rotations.from_rotation_vector(np.radians(step_deg * within)[:, None] * [[0, 0, 1]])
    return replace(data, object_pose=pose)


def test_frames_are_those_of_the_sets_with_an_action_and_a_partner(data: PreparedData) -> None:
    some = np.where(np.arange(len(data))[:, None] % 4 == 0, np.nan, data.object_pose)
    partly = replace(data, object_pose=some)
    found = used(partly, TT, AA, Setting("frozen", {"method": "simclr"}, kind=FROZEN))
    assert {name: (each.count, each.share) for name, each in found.items()} == {"tt": (96, 1.0), "aa": (72, 0.75)}
    assert describe_frames(found) == [
        "The settings are trained on different shares of the frames: 100 %: tt; 75 %: aa."
    ]
    assert describe_frames(used(data, TT, AA)) == []


def test_validation_objects_and_lost_frames_are_left_out(data: PreparedData) -> None:
    found = used(data, Setting("val", {**TT.settings, "validation": True}), Setting("lost", TT.settings,
                 damage=Damage(missing=1.0)))  # fmt: skip
    assert (found["val"].count, found["val"].share) == (72, 1.0)  # one of four objects of each category
    assert found["lost"].count == 24  # two frames of each object are always kept


def test_windows_without_partners_are_described_once(data: PreparedData) -> None:
    found = used(turned(data, 45), TT, AA, Setting("simclr", {"method": "simclr"}), window="degrees:40")
    assert describe_frames(found) == [
        "Window degrees:40: 100 % of the frames have no partner within 40 degrees; the nearest is used "
        "(median 45 degrees)."
    ]


@pytest.mark.parametrize(("batch", "expected"), [(64, 0), (96, 0), (97, 64), (256, 64)])
def test_a_batch_is_the_largest_power_of_two_that_the_frames_fill(
    data: PreparedData, batch: int, expected: int
) -> None:
    fitted, note = fit_batch(used(data, TT, batch=batch), data, given=False)
    assert fitted == expected
    assert bool(note) == bool(expected)


def test_a_batch_of_the_user_or_data_for_no_batch_are_refused(data: PreparedData) -> None:
    with pytest.raises(ConfigError, match=r"batch = 100, but tt has 96 frames to pair in .* Choose at most 96"):
        fit_batch(used(data, TT, batch=100), data, given=True)
    with pytest.raises(ConfigError, match="batch = 100, but own has 96 frames"):
        fit_batch(used(data, Setting("own", {**TT.settings, "batch": 100})), data, given=False)
    few = FramesUsed(7, 1.0, 64, False, "episode", "")
    with pytest.raises(DataError, match=r"tt has 7 frames to pair in .* expected 8 or more"):
        fit_batch({"tt": few}, data, given=False)
    assert fit_batch({"tt": few, "other": replace(few, count=64)}, data, given=False) == (0, "")


def test_a_study_lowers_its_batch_and_says_so(data: PreparedData, tmp_path: Path, here: Any) -> None:
    evaluation = {"measures": ["category"], "baselines": False, "frames_per_episode": 4, "few_shot_draws": 2}
    choices = Choices(methods=("simclr_tt",))
    asked = Request("methods", tmp_path, data.path, 1, {"width": 4}, evaluation, updates=1, choices=choices)
    said: list[str] = []

    conclusion = conduct(asked, here(), lambda now: None, lambda: False, said.append)

    assert conclusion.failed == {}
    assert said == ["The batch is 64 in place of 256: simclr_tt has only 96 frames to pair."]
    assert write(conclusion, tmp_path)["settings"]["batch"] == 64
    page = (tmp_path / "table.md").read_text()
    assert f"- {said[0]}" in page.splitlines()
    assert "batch 64" in page


def test_if_no_setting_can_be_trained_the_study_ends_before_the_first_run(data: PreparedData, tmp_path: Path) -> None:
    choices = Choices(methods=("simclr_tt",))
    asked = Request("methods", tmp_path / "out", data.path, 1, {"window": "frames:50:60"}, choices=choices)
    with pytest.raises(DataError, match="no pair among 96 frames within 50 to 60 frames"):
        conduct(asked, None, None, None)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_the_batch_that_a_study_chooses_does_not_depend_on_only(data: PreparedData, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def first_note(only: tuple[str, ...]) -> str:
        said: list[str] = []

        def say(note: str) -> None:
            said.append(note)
            raise Enough

        with pytest.raises(Enough):
            conduct(Request("frames", tmp_path, data.path, 1, only=only), None, None, None, say)  # type: ignore[arg-type]
        return said[0]

    whole = first_note(())
    assert whole.startswith("The batch is ")
    assert first_note(("simclr_tt",)) == whole
