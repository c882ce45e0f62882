"""Training over prepared data: interrupted and resumed it stays on its curve, and it says what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, ConfigError, TrainingError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.training.reports import TrainProgress, TrainReport
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = TrainSettings(batch=64, width=4, epochs=2, window="frames:3")  # 960 frames: 15 updates an epoch


class StopAt:
    """Asks a run to stop after a step, as Ctrl-C would."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step
        self.seen: list[TrainProgress] = []

    def show(self, progress: TrainProgress) -> None:
        self.seen.append(progress)

    def __call__(self) -> bool:
        return self.step is not None and self.seen[-1].step >= self.step


def train(data: PreparedData, run: Path, settings: TrainSettings = SETTINGS, stop: int | None = None) -> TrainReport:
    begin(run)
    watcher = StopAt(stop)
    return Trainer(data, run, settings).train(watcher.show, watcher)


def go_on(data: PreparedData, run: Path, stop: int | None = None, **given: Any) -> TrainReport:
    checkpoint, settings = resume(run, given, replace(TrainSettings(), **given))
    watcher = StopAt(stop)
    return Trainer(data, run, settings, checkpoint).train(watcher.show, watcher)


def curve(run: Path) -> list[tuple]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["epoch"], line["loss"], line["contrastive"], line.get("action")) for line in lines]


def test_a_run_leaves_a_checkpoint_and_a_line_for_each_update(turning_clouds: PreparedData, tmp_path: Path) -> None:
    report = train(turning_clouds, tmp_path / "run")
    assert (report.step, report.total_steps, report.done) == (30, 30, True)
    assert [line[0] for line in curve(tmp_path / "run")] == list(range(1, 31))
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.path == report.checkpoint
    assert checkpoint.instances == turning_clouds.instances()
    assert checkpoint.image_size == 32
    assert checkpoint.action_space.name == "object_pose"


@pytest.mark.parametrize("method", ["simclr", "simclr_tt", "aa_simclr", "aa_byol", "aa_mocov3", "sie", "seq_jepa"])
def test_stopped_and_resumed_it_is_the_uninterrupted_run_to_the_bit(
    few_clouds: PreparedData, tmp_path: Path, method: str
) -> None:
    settings = replace(SETTINGS, method=method)
    train(few_clouds, tmp_path / "whole", settings)
    assert not train(few_clouds, tmp_path / "parts", settings, stop=3).done
    assert not go_on(few_clouds, tmp_path / "parts", stop=5).done  # just at the end of an epoch
    assert go_on(few_clouds, tmp_path / "parts").done
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")
    assert load_checkpoint(tmp_path / "parts").digest == load_checkpoint(tmp_path / "whole").digest


def test_lines_of_a_killed_run_after_its_last_checkpoint_appear_once(
    turning_clouds: PreparedData, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(turning_clouds, run, stop=5)
    line = (run / "log.jsonl").read_text().splitlines()[-1]
    with open(run / "log.jsonl", "a") as log:
        log.write(line.replace('"step": 5', '"step": 6') + "\n" + line[:20])  # killed while it wrote a line
    go_on(turning_clouds, run)
    assert [line[0] for line in curve(run)] == list(range(1, 31))


def test_a_finished_run_resumes_with_more_epochs(few_clouds: PreparedData, tmp_path: Path) -> None:
    train(few_clouds, tmp_path / "run")
    train(few_clouds, tmp_path / "longer", replace(SETTINGS, epochs=3))
    assert go_on(few_clouds, tmp_path / "run").losses is None
    assert go_on(few_clouds, tmp_path / "run", epochs=3).step == 15
    assert curve(tmp_path / "run") == curve(tmp_path / "longer")


def test_updates_end_a_run_amid_an_epoch_and_the_cosine_with_it(turning_clouds: PreparedData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, updates=20, epochs=100, schedule="cosine", warmup_epochs=0.2)
    train(turning_clouds, tmp_path / "whole", settings)
    assert not train(turning_clouds, tmp_path / "parts", settings, stop=17).done
    report = go_on(turning_clouds, tmp_path / "parts")
    assert (report.step, report.total_steps, report.done) == (20, 20, True)
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")
    rates = [json.loads(line)["lr"] for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert rates[-1] < 0.01 * max(rates)
    assert "rankme" in json.loads((tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1])
    with pytest.raises(ConfigError, match=r"epochs = 200, but .* ends by updates = 20. Set updates instead"):
        go_on(turning_clouds, tmp_path / "parts", epochs=200)
    with pytest.raises(
        ConfigError, match=r"updates = 30, but .* was started with 20, and its cosine schedule depends on it"
    ):
        go_on(turning_clouds, tmp_path / "parts", updates=30)


def test_time_ends_a_run_and_counts_over_its_parts(turning_clouds: PreparedData, tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=100_000, max_seconds=0.5)
    report = train(turning_clouds, tmp_path / "run", settings)
    assert report.done
    assert 0 < report.step < report.total_steps
    assert go_on(turning_clouds, tmp_path / "run").step == report.step
    assert go_on(turning_clouds, tmp_path / "run", max_seconds=4.0).step > report.step


def test_checkpoints_come_while_it_trains(turning_clouds: PreparedData, tmp_path: Path) -> None:
    train(turning_clouds, tmp_path / "run", replace(SETTINGS, save_every_s=0.0, keep=4))
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["00000027", "00000028", "00000029", "00000030"]


def test_only_the_chosen_sets_are_trained_on(turning_clouds: PreparedData, tmp_path: Path) -> None:
    rows = tuple(
        replace(row, set="train" if number < 12 else "test") for number, row in enumerate(turning_clouds.episodes)
    )
    divided = replace(turning_clouds, episodes=rows)
    assert train(divided, tmp_path / "run").total_steps == 2 * (480 // 64)
    assert load_checkpoint(tmp_path / "run").instances == tuple(sorted(row.instance for row in rows[:12]))


def test_a_setting_that_would_bend_the_curve_cannot_change_on_the_way(
    turning_clouds: PreparedData, tmp_path: Path
) -> None:
    train(turning_clouds, tmp_path / "run", stop=2)
    with pytest.raises(ConfigError, match=r"lr = 0.1, but .* was started with 0.0005"):
        go_on(turning_clouds, tmp_path / "run", lr=0.1)
    with pytest.raises(ConfigError, match=r"width = 8, but .* was started with 4"):
        go_on(turning_clouds, tmp_path / "run", width=8)


def test_a_run_does_not_continue_on_other_data(turning_clouds: PreparedData, tmp_path: Path) -> None:
    train(turning_clouds, tmp_path / "run", stop=2)
    other = write_synthetic(tmp_path / "other", episodes=2, frames=40, image_size=32)
    with pytest.raises(CheckpointError, match="was trained on other data"):
        go_on(other, tmp_path / "run")


def test_a_folder_with_a_run_is_not_begun_anew(turning_clouds: PreparedData, tmp_path: Path) -> None:
    train(turning_clouds, tmp_path / "run", stop=1)
    with pytest.raises(ConfigError, match="contains a run already"):
        begin(tmp_path / "run")


@pytest.mark.parametrize(
    ("save_every_s", "message"),
    [(0.0, "weight objective.base.* is no longer a number at step 4"), (3600.0, "the loss is nan at step 5")],
    ids=["found when saving", "found by the loss"],
)
def test_weights_that_are_not_finite_stop_a_run_and_the_last_good_checkpoint_is_named(
    turning_clouds: PreparedData, tmp_path: Path, save_every_s: float, message: str
) -> None:
    run = tmp_path / "run"
    train(turning_clouds, run, stop=3)
    checkpoint, settings = resume(run, {}, TrainSettings())
    trainer = Trainer(turning_clouds, run, replace(settings, save_every_s=save_every_s), checkpoint)

    def spoil(progress: TrainProgress) -> None:
        if progress.step == 4:
            with torch.no_grad():
                trainer.learner.objective["base"].projector.net[0].weight.fill_(float("nan"))

    with pytest.raises(TrainingError, match=message + ".*The last good checkpoint is .*/00000003"):
        trainer.train(spoil, lambda: False)
    assert load_checkpoint(run).step == 3
