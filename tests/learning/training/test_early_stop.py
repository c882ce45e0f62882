"""Early stop without labels: the best encoder is kept, and a resumed run stops where an uninterrupted one does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.training.early_stop import BEST, EarlyStop
from aassl_ros.learning.training.held_out import held_out_instances
from aassl_ros.learning.training.reports import TrainProgress
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.saving import save_checkpoint
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = TrainSettings(
    method="aa_simclr", width=4, batch=16, window="frames:2", updates=12, early_stop="rankme", early_stop_every=2,
    patience=2, torch_threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    folder = tmp_path_factory.mktemp("data") / "data"
    write_synthetic(folder, episodes=6, frames=10, image_size=16)
    return PreparedData.open(folder)


def falls_after(monkeypatch: pytest.MonkeyPatch, best: int) -> None:
    """Let the measure be highest after this update."""
    monkeypatch.setattr(EarlyStop, "measure", lambda self, learner: -abs(learner.steps - best))


def run(data: PreparedData, folder: Path, settings: TrainSettings, stop_at: int = 0) -> tuple[Trainer, list[int]]:
    seen: list[int] = []
    begin(folder)
    trainer = Trainer(data, folder, settings)
    trainer.train(lambda now: seen.append(now.step), lambda: seen[-1] == stop_at)
    return trainer, seen


def test_it_stops_and_the_checkpoint_is_the_best_one(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    falls_after(monkeypatch, 4)
    trainer, seen = run(data, tmp_path / "stopped", SETTINGS)
    assert seen[-1] == 8  # two measures after the best one
    assert trainer.finished
    _, _ = run(data, tmp_path / "short", replace(SETTINGS, updates=4, early_stop="never"))
    kept, expected = (load_checkpoint(tmp_path / name) for name in ("stopped", "short"))
    assert kept.step == 4
    assert all(torch.equal(kept.weights[name], value) for name, value in expected.weights.items())


def test_a_stopped_run_is_not_trained_on(data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    falls_after(monkeypatch, 4)
    run(data, tmp_path, SETTINGS)
    checkpoint, settings = resume(tmp_path, {}, SETTINGS)
    again = Trainer(data, tmp_path, settings, checkpoint)
    assert again.finished
    seen: list[TrainProgress] = []
    assert again.train(seen.append, lambda: False).done
    assert seen == []


def test_a_resumed_run_stops_where_an_uninterrupted_one_does(
    data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    falls_after(monkeypatch, 4)
    run(data, tmp_path, SETTINGS, stop_at=7)
    checkpoint, settings = resume(tmp_path, {}, SETTINGS)
    seen: list[int] = []
    Trainer(data, tmp_path, settings, checkpoint).train(lambda now: seen.append(now.step), lambda: False)
    assert seen == [8]
    assert load_checkpoint(tmp_path).step == 4


@pytest.mark.parametrize("kind", ["rankme", "retrieval"])
def test_the_measures_are_in_the_log_and_do_not_change_the_training(
    data: PreparedData, tmp_path: Path, kind: str
) -> None:
    settings = replace(SETTINGS, early_stop=kind, updates=2, validation=False)
    begin(tmp_path / "a")
    trainer = Trainer(data, tmp_path / "a", settings)
    now: list[TrainProgress] = []
    trainer.train(now.append, lambda: False)
    measured = now[-1].measures[f"early_stop_{kind}"]
    if kind == "rankme":
        begin(tmp_path / "b")
        plain = Trainer(data, tmp_path / "b", replace(settings, early_stop="never"))
        plain.train(lambda progress: None, lambda: False)
        assert 1 <= measured <= 60
        assert all(
            torch.equal(value, plain.learner.weights()[name]) for name, value in trainer.learner.weights().items()
        )
    else:
        assert 0 < measured <= 1
        held_out = set(data.instances(("train",))) - set(load_checkpoint(tmp_path / "a").instances)
        assert len(held_out) == 1


def test_retrieval_needs_a_method_that_aligns_actions(data: PreparedData, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="early_stop = retrieval, but"):
        Trainer(data, tmp_path, replace(SETTINGS, method="simclr_tt", early_stop="retrieval"))
    with pytest.raises(ConfigError, match="ciper does not align actions"):
        Trainer(data, tmp_path, replace(SETTINGS, method="ciper", early_stop="retrieval"))


def test_objects_that_stop_a_run_are_not_those_that_settings_are_chosen_on(data: PreparedData) -> None:
    chosen = replace(SETTINGS, early_stop="retrieval", validation=True)
    found = held_out_instances(data, chosen)
    assert found.to_validate == validation_instances(data)
    assert found.to_stop
    assert not {*found.to_validate} & {*found.to_stop}
    assert held_out_instances(data, replace(chosen, validation=False)).to_validate == ()


def test_a_best_checkpoint_of_another_update_is_refused(data: PreparedData, tmp_path: Path) -> None:
    begin(tmp_path)
    trainer = Trainer(data, tmp_path, SETTINGS)
    trainer._stopper.best_step = 2  # as a checkpoint of an interrupted run may say
    assert trainer._stopper.load_best(tmp_path, 2) is None
    save_checkpoint(tmp_path / BEST, trainer.learner, Provenance(None, None, ()))
    with pytest.raises(CheckpointError, match="is of update 0, expected update 2, the best one of this run"):
        trainer._stopper.load_best(tmp_path, 8)
