"""Whole studies with real, tiny training, in this process."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.one_process import alone
from aassl_ros.studies import overhead
from aassl_ros.studies.progress import Interrupted
from aassl_ros.studies.request import Conclusion, Request
from aassl_ros.studies.spec import Choices
from aassl_ros.studies.study import conduct
from aassl_ros.studies.writing import write

PROBE = {"measures": ["category"], "baselines": False, "frames_per_episode": 4, "few_shot_draws": 2}


def request(study: str, data: PreparedData, out: Path, **others: Any) -> Request:
    evaluation = others.pop("evaluation", PROBE)
    return Request(study, out, data.path, seeds=others.pop("seeds", 1), quick=True, evaluation=evaluation, **others)


def conclude(request: Request, scheduler: Any) -> Conclusion:
    return conduct(request, scheduler, lambda standing: None, scheduler.stop)


def test_all_settings_of_a_seed_share_weights_data_and_number_of_updates(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    only = ("simclr", "simclr_tt", "simclr_equal_frames")
    found = conclude(request("methods", data, tmp_path, only=only, seeds=2), here())
    steps = {
        name: {seed: load_checkpoint(tmp_path / "runs" / f"{name}-seed{seed}").step for seed in (0, 1)} for name in only
    }
    assert steps == {"simclr": {0: 6, 1: 6}, "simclr_tt": {0: 6, 1: 6}, "simclr_equal_frames": {0: 12, 1: 12}}
    assert load_checkpoint(tmp_path / "runs/simclr-seed1").config["seed"] == 1
    assert set(found.results["simclr"]) == {0, 1}


def test_an_interrupted_study_resumes_and_ends_with_the_same_table(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    asked = request("controls", data, tmp_path / "whole", only=("aa_simclr", "aa_simclr actions shuffled"))
    whole = write(conclude(asked, here()), tmp_path / "whole")
    parts = replace(asked, out=tmp_path / "parts")
    for updates in (4, 7, 1):  # within the first run, within the second, and there again
        with pytest.raises(Interrupted):
            conclude(parts, here(updates))
    result = tmp_path / "parts/runs/aa_simclr-seed0/result.json"
    written = result.stat().st_mtime_ns
    rest = here()
    assert write(conclude(parts, rest), tmp_path / "parts") == whole
    assert rest.executed == ["aa_simclr-actions-shuffled-seed0"]
    assert result.stat().st_mtime_ns == written


def test_more_seeds_and_settings_may_be_asked_for_later(data: PreparedData, tmp_path: Path, here: type) -> None:
    conclude(request("controls", data, tmp_path, only=("simclr",)), here())
    more = here()
    conclude(request("controls", data, tmp_path, only=("simclr", "simclr_tt"), seeds=2), more)
    assert more.executed == ["simclr_tt-seed0", "simclr_tt-seed1", "simclr-seed1"]


def test_a_run_of_an_older_version_is_taken_for_what_it_is(data: PreparedData, tmp_path: Path, here: type) -> None:
    asked = request("controls", data, tmp_path, only=("simclr",))
    conclude(asked, here())
    file = tmp_path / "runs/simclr-seed0/run.json"
    old = {name: value for name, value in json.loads(file.read_text()).items() if name not in ("kind", "picture")}
    file.write_text(json.dumps(old))
    again = here()
    conclude(asked, again)
    assert again.executed == []


def test_an_unfinished_run_of_a_version_that_counted_updates_differently_does_not_continue(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    asked = request("controls", data, tmp_path, only=("simclr",))
    with pytest.raises(Interrupted):
        conclude(asked, here(3))
    facts = tmp_path / "runs/simclr-seed0/checkpoint/checkpoint.json"
    facts.write_text(facts.read_text().replace('"updates": 6', '"updates": 0'))
    ((_, reason),) = conclude(asked, here()).failed.items()
    assert "was started by an older version of aassl_ros. Remove it to start it again" in reason


def test_same_actions_are_masked_for_methods_that_can_and_the_others_train_too(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    only = ("aa_simclr", "simclr_tt", "simclr")
    base = request("controls", data, tmp_path, only=only)
    conclusion = conclude(replace(base, settings={"same_action": 5.0}), here())
    assert not conclusion.failed
    masks = {name: load_checkpoint(tmp_path / "runs" / f"{name}-seed0").config["same_action"] for name in only}
    assert masks == {"aa_simclr": 5.0, "simclr_tt": 0.0, "simclr": 0.0}


def test_a_failed_run_is_reported_and_does_not_affect_the_others(
    tmp_path: Path, here: type, write_tiny: Callable[..., PreparedData]
) -> None:
    poseless = write_tiny(tmp_path / "data", poses=False)
    asked = request("controls", poseless, tmp_path, only=("aa_simclr turn size alone", "simclr_tt"))
    conclusion = conclude(asked, here())
    ((failed, reason),) = conclusion.failed.items()
    assert failed == ("aa_simclr turn size alone", 0)
    table = write(conclusion, tmp_path)
    assert table["failed"] == [{"setting": failed[0], "seed": 0, "reason": reason}]
    assert reason in (tmp_path / "table.md").read_text()
    assert {row["setting"] for row in table["rows"]} == {"simclr_tt"}


def data_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_processes_do_not_work_in_one_folder(data: PreparedData, tmp_path: Path, here: type) -> None:
    asked = request("action-noise", data, tmp_path / "study", only=("simclr_tt",))
    with alone(asked.out, "aassl study"), pytest.raises(ConfigError, match="another aassl study is at work in"):
        conclude(asked, here())
    assert not (asked.out / "study.json").exists()
    assert conclude(asked, here()).results  # the lock is free again


def test_best_against_best_is_chosen_on_validation_objects_and_tested_on_others(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    choices = Choices(methods=("simclr_tt", "aa_simclr"), grid={"window": ("frames:1", "episode")})
    conclusion = conclude(request("grid", data, tmp_path, choices=choices, seeds=2), here())
    table = write(conclusion, tmp_path)
    validation = {row["setting"]: row["mean"] for row in table["rows"] if row["metric"] == "val_probe"}
    tested = [row for row in table["rows"] if row["metric"] == "probe"]
    assert len(validation) == 4
    assert [len(row["values"]) for row in tested] == [2, 2]
    for row in tested:
        chosen = row["setting"].removeprefix("best ")
        rivals = [name for name in validation if name.startswith(chosen.split()[0])]
        assert validation[chosen] == max(validation[name] for name in rivals)
    assert len([row for row in table["rows"] if row["metric"].startswith("probe_minus_")]) == 1
    of_validation = load_checkpoint(tmp_path / "runs/aa_simclr-window-episode-seed0")
    of_test = next((tmp_path / "runs").glob("best-aa_simclr*-seed0"))
    assert len(of_validation.instances) < len(load_checkpoint(of_test).instances)


def test_viewpoints_are_measured_by_alignment_and_have_a_picture(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    choices = Choices(methods=("simclr",))
    evaluation = {**PROBE, "measures": ["views"], "baselines": True}
    table = write(conclude(request("viewpoints", data, tmp_path, choices=choices, evaluation=evaluation), here()),
                  tmp_path)  # fmt: skip
    rows = {(row["setting"], row["metric"]) for row in table["rows"]}
    assert ("simclr", "alignment_viewpoint") in rows
    assert ("random encoder", "alignment_viewpoint") in rows
    assert (tmp_path / "features.png").read_bytes().startswith(b"\x89PNG")
    points = data_of(tmp_path / "features.csv")
    assert set(points[0]) == {"setting", "x", "y", "view"}
    assert {"simclr"} == {point["setting"] for point in points}
    assert len({point["view"] for point in points}) > 1


def test_training_uses_damaged_data_for_as_many_updates_and_tests_use_whole_data(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    only = ("simclr_tt", "simclr_tt three quarters missing")
    by_epochs = replace(request("frames", data, tmp_path, only=only), quick=False)
    settings = {"width": 4, "batch": 8, "epochs": 1}
    conclusion = conclude(replace(by_epochs, settings=settings), here())
    assert [conclusion.results[name][0]["updates"] for name in only] == [12, 12]  # 96 frames, of which few are left
    tested = [conclusion.results[name][0]["evaluation"]["test_frames"] for name in only]
    assert tested[0] == tested[1]
    prints = {load_checkpoint(tmp_path / "runs" / name).provenance.data_fingerprint
              for name in ("simclr_tt-seed0", "simclr_tt-three-quarters-missing-seed0")}  # fmt: skip
    assert len(prints) == 2


def test_overhead_times_methods_in_turns_and_weighs_them_apart(
    data: PreparedData, tmp_path: Path, here: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"simclr": 10.0, "aa_simclr": 12.0}  # a process each takes seconds: the next test has one
    monkeypatch.setattr(overhead, "peak_mb", lambda path, settings: weights[settings.method])
    asked = request("overhead", data, tmp_path, choices=Choices(methods=("aa_simclr",)), updates=2)
    table = write(conclude(asked, here()), tmp_path)
    rows = {(row["setting"], row["metric"]): row["mean"] for row in table["rows"]}
    assert rows["simclr", "time_over_simclr"] == rows["simclr", "memory_over_simclr"] == 1
    assert rows["aa_simclr", "time_over_simclr"] > 0
    assert (rows["aa_simclr", "peak_mb"], rows["aa_simclr", "memory_over_simclr"]) == (12, 1.2)


def test_the_peak_is_what_training_takes_beyond_what_is_loaded(data: PreparedData) -> None:
    assert 5 < overhead.peak_mb(data.path, TrainSettings(width=4, batch=32, image_size=16)) < 1000


def test_every_study_leaves_a_table_and_a_plot(data: PreparedData, tmp_path: Path, here: type) -> None:
    only = ("aa_simclr", "aa_simclr noise 3", "simclr_tt")
    table = write(conclude(request("action-noise", data, tmp_path, only=only), here()), tmp_path)
    assert json.loads((tmp_path / "table.json").read_text()) == table
    assert set(table["rows"][0]) == {"setting", "metric", "mean", "ci95", "values"}
    page = (tmp_path / "table.md").read_text()
    assert "--quick" in page
    assert "| aa_simclr noise 3 | 1 |" in page
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    shown = {}
    for point in data_of(tmp_path / "plot.csv"):
        setting, mean, low, high = point.values()
        assert low == high == ""  # one run has no interval
        shown[setting] = float(mean)
    assert shown == {row["setting"]: 100 * row["mean"] for row in table["rows"] if row["metric"] == "probe"}
    assert "linear probe on unseen objects (%) (--quick)" in point


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "window"}, "was started with study = 'controls', now it is 'window'"),
        ({"settings": {"width": 8}}, "was started with settings = {'width': 4, 'batch': 32}, now it is"),
        ({"updates": 9}, "was started with updates = 6, now it is 9"),
    ],
)
def test_a_folder_is_of_one_study_only(
    data: PreparedData, tmp_path: Path, here: type, change: dict[str, Any], message: str
) -> None:
    asked = request("controls", data, tmp_path)
    with pytest.raises(Interrupted):
        conclude(asked, here(0))
    with pytest.raises(ConfigError, match="Use the same value, or choose another --out") as reported:
        conclude(replace(asked, **change), here())
    assert message in str(reported.value)


def test_data_that_cannot_be_tested_on_are_refused_before_anything_is_trained(
    tmp_path: Path, here: type, write_tiny: Callable[..., PreparedData]
) -> None:
    untested = write_tiny(tmp_path / "untested", test=0)
    with pytest.raises(DataError, match="no labelled frames for the split test"):
        conclude(request("controls", untested, tmp_path / "out"), here())
    whole = write_tiny(tmp_path / "whole")
    with pytest.raises(DataError, match="no grid of views"):
        conclude(request("viewpoints", whole, tmp_path / "out"), here())
    assert not (tmp_path / "out").exists()


def test_a_run_of_other_defaults_is_not_taken_for_this_one(data: PreparedData, tmp_path: Path, here: type) -> None:
    asked = request("controls", data, tmp_path, only=("simclr_tt",))
    conclude(asked, here())
    file = tmp_path / "runs/simclr_tt-seed0/run.json"
    begun = json.loads(file.read_text())
    del begun["settings"]["fusion"]  # as a version would leave it that knew of no fusion
    file.write_text(json.dumps(begun))
    assert set(conclude(asked, here()).results) == {"simclr_tt"}
    begun["settings"]["fusion"] = "difference"
    file.write_text(json.dumps(begun))
    with pytest.raises(ConfigError, match="a run with other settings"):
        conclude(asked, here())


def test_controls_run_with_parts_of_the_action_and_a_warm_up_and_say_what_the_action_was(
    data: PreparedData, tmp_path: Path, here: type
) -> None:
    only = ("aa_simclr", "aa_simclr time alone")
    base = request("controls", data, tmp_path, only=only)
    asked = replace(base, settings={**base.settings, "action_components": ("rotation",), "warmup_epochs": 2.0})
    conclusion = conclude(asked, here())
    write(conclusion, tmp_path)
    assert not conclusion.failed
    page = (tmp_path / "table.md").read_text()
    assert "Actions: object_pose (rotation), chosen automatically, known for 100 % of the frames; " in page
    assert "; time (seconds), known for 100 % of the frames." in page
