"""Training on robots whose actions differ: one encoder and projector, heads for each, kept when a robot is added."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from robot_data import PANDA, SO101, write_robot

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings, evaluate
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_of
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = TrainSettings(batch=30, width=4, epochs=2, window="frames:3", action_space="joints")


@pytest.fixture(scope="module")
def robots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("robots")
    for name, joints, seed in (("panda", PANDA, 0), ("so101", SO101, 1)):
        write_robot(folder / name, joints, seed=seed)
    return folder / "panda", folder / "so101"


def train(folders: tuple[Path, ...], run: Path, settings: TrainSettings = SETTINGS, stop: int = 0) -> Trainer:
    begin(run)
    trainer = Trainer(PreparedData.open(*folders), run, settings)
    trainer.train(lambda progress: None, lambda: bool(stop) and trainer.learner.steps >= stop)
    return trainer


def go_on(folders: tuple[Path, ...], run: Path, *, add_data: bool = False, **given: Any) -> Trainer:
    checkpoint, settings = resume(run, given, replace(TrainSettings(), **given))
    trainer = Trainer(PreparedData.open(*folders), run, settings, checkpoint, add_data=add_data)
    trainer.train(lambda progress: None, lambda: False)
    return trainer


def log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def head(checkpoint: Checkpoint, number: int) -> dict[str, torch.Tensor]:
    start = f"objective.action.heads.{checkpoint.action_spaces[number].key}."
    return {name.removeprefix(start): value for name, value in checkpoint.weights.items() if name.startswith(start)}


@pytest.mark.parametrize("method", ["aa_simclr", "aa_byol", "aa_mocov3", "aa_vicreg", "aa_barlow", "ciper", "equimod"])
def test_two_robots_train_and_the_checkpoint_has_the_heads_of_both(
    robots: tuple[Path, Path], tmp_path: Path, method: str
) -> None:
    trainer = train(robots, tmp_path / "run", replace(SETTINGS, method=method, epochs=1))

    checkpoint = load_checkpoint(tmp_path / "run")
    assert trainer.action == f"joints ({', '.join(PANDA)}) and joints ({', '.join(SO101)}), with a head each"
    assert [space.space.components for space in checkpoint.action_spaces] == [PANDA, SO101]
    assert (checkpoint.action_space, checkpoint.action_dimension) == (None, 12)
    assert all(head(checkpoint, number) for number in (0, 1))
    facts = json.loads((checkpoint.path / "checkpoint.json").read_text())
    assert facts["format"] == 2  # an older version says that it cannot read it
    assert [entry["head"] for entry in facts["action_spaces"]] == [each.key for each in checkpoint.action_spaces]
    assert all(np.isfinite(line["action"]) for line in log(tmp_path / "run"))


@pytest.mark.parametrize("method", ["aa_simclr", "aa_mocov3"])
def test_stopped_and_resumed_it_is_the_uninterrupted_run_to_the_bit(
    robots: tuple[Path, Path], tmp_path: Path, method: str
) -> None:
    settings = replace(SETTINGS, method=method)
    train(robots, tmp_path / "whole", settings)
    train(robots, tmp_path / "parts", settings, stop=3)
    go_on(robots, tmp_path / "parts")
    losses = [
        [(line["step"], line["loss"], line["action"]) for line in log(tmp_path / run)] for run in ("whole", "parts")
    ]
    assert losses[0] == losses[1]
    assert load_checkpoint(tmp_path / "whole").digest == load_checkpoint(tmp_path / "parts").digest


@pytest.mark.parametrize("changes", [{}, {"method": "aa_byol", "encoder_lr": 1e-4}, {"optimizer": "lars"}])
def test_a_second_robot_is_added_to_a_run_whose_head_stays(
    robots: tuple[Path, Path], tmp_path: Path, changes: dict[str, Any]
) -> None:
    panda, so101 = robots
    train((panda,), tmp_path / "run", replace(SETTINGS, lr=0.0, **changes))
    before = load_checkpoint(tmp_path / "run")

    trainer = go_on((so101, panda), tmp_path / "run", add_data=True, epochs=4)

    after = load_checkpoint(tmp_path / "run")
    assert (before.step, after.step, trainer.total_steps) == (8, 32, 32)
    assert [space.space.components for space in after.action_spaces] == [PANDA, SO101]
    np.testing.assert_array_equal(after.action_spaces[0].normalisation.scale, before.normalisation.scale)
    assert {name.split("_")[0] for name in after.instances} == {"cup", "mug"}
    assert set(before.instances) < set(after.instances)
    # With a learning rate of 0 only the statistics of batch norms change.
    weights = {name: value for name, value in head(after, 0).items() if name.endswith((".weight", ".bias"))}
    assert weights
    for name, value in weights.items():
        assert torch.equal(value, before.weights[f"objective.action.{name}"])
    go_on((so101, panda), tmp_path / "run", epochs=5)  # from now on these are the data of the run


def test_the_optimizer_remembers_the_old_head_and_knows_nothing_of_the_new_one(
    robots: tuple[Path, Path], tmp_path: Path
) -> None:
    train(robots[:1], tmp_path / "run")
    old = load_checkpoint(tmp_path / "run").read_state().optimizer
    checkpoint, settings = resume(tmp_path / "run", {"epochs": 4}, replace(TrainSettings(), epochs=4))

    learner = Trainer(PreparedData.open(*robots), tmp_path / "run", settings, checkpoint, add_data=True).learner

    names = [name for name, weight in learner.network.named_parameters() if weight.requires_grad]
    state = learner.optimizer.state_dict()["state"]
    assert sorted(state) == sorted(old["state"]) == list(range(len(old["state"])))
    new = checkpoint.action_spaces[0].key
    assert [name for place, name in enumerate(names) if place not in state] == [
        name for name in names if ".heads." in name and new not in name
    ]
    for place, moments in old["state"].items():
        assert torch.equal(state[place]["exp_avg"], moments["exp_avg"])


def test_only_the_new_robot_trains_and_the_old_head_stays_in_the_checkpoint(
    robots: tuple[Path, Path], tmp_path: Path
) -> None:
    train(robots[:1], tmp_path / "run")
    before = load_checkpoint(tmp_path / "run")
    go_on(robots[1:], tmp_path / "run", add_data=True, epochs=4)
    kept = head(load_checkpoint(tmp_path / "run"), 0)
    assert all(torch.equal(value, before.weights[f"objective.action.{name}"]) for name, value in kept.items())


def test_more_data_of_the_same_robot_need_no_head(robots: tuple[Path, Path], tmp_path: Path) -> None:
    write_robot(tmp_path / "more", PANDA, seed=5)
    train(robots[:1], tmp_path / "run")
    go_on((robots[0], tmp_path / "more"), tmp_path / "run", add_data=True, epochs=4)
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.action_space.components == PANDA
    assert json.loads((checkpoint.path / "checkpoint.json").read_text())["format"] == 1


def test_another_robot_is_refused_unless_it_is_added(robots: tuple[Path, Path], tmp_path: Path) -> None:
    train(robots[:1], tmp_path / "run")
    with pytest.raises(
        CheckpointError,
        match=r"other data than .*--add-data, with a new action head for joints \(shoulder",
    ):
        go_on(robots, tmp_path / "run", epochs=4)
    with pytest.raises(ConfigError, match=r"made 8 updates and ends at 8, .* Set more --epochs or --updates"):
        go_on(robots[1:], tmp_path / "run", add_data=True)


def test_a_damaged_list_of_heads_is_refused(robots: tuple[Path, Path], tmp_path: Path) -> None:
    train(robots, tmp_path / "run", replace(SETTINGS, epochs=1))
    file = load_checkpoint(tmp_path / "run").path / "checkpoint.json"
    text = file.read_text()
    for change in (
        lambda facts: facts["action_spaces"].pop(),
        lambda facts: facts["action_spaces"].append(facts["action_spaces"][0]),
        lambda facts: facts["action_spaces"][0]["median"].pop(),
        lambda facts: facts["action_spaces"][0].update(name="levitation"),
    ):
        facts = json.loads(text)
        change(facts)
        file.write_text(json.dumps(facts))
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(tmp_path / "run")


def test_early_stop_by_retrieval_needs_one_space(robots: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"early_stop = retrieval, but the data have several action spaces"):
        train(robots, tmp_path / "run", replace(SETTINGS, early_stop="retrieval"))


def test_both_action_terms_learn(tmp_path: Path) -> None:
    """Far more pairs than in the other tests: the loss of the action falls well below chance, which is the same task
    for each robot: the first two joints move the square that the images show.
    """
    for name, joints, seed in (("panda", PANDA[:2], 0), ("so101", SO101[:2], 1)):
        write_robot(tmp_path / name, joints, seed=seed, episodes=30)
    settings = replace(SETTINGS, batch=64, width=8, updates=150, lr=2e-3, crop_minimum=0.9, jitter_probability=0.0)
    train((tmp_path / "panda", tmp_path / "so101"), tmp_path / "run", settings)
    losses = [line["action"] for line in log(tmp_path / "run")]
    assert np.mean(losses[-15:]) < np.mean(losses[:5]) - 0.5


def test_actions_are_retrieved_with_the_heads_of_the_robot_in_the_data(
    robots: tuple[Path, Path], tmp_path: Path
) -> None:
    train(robots, tmp_path / "run")
    evaluated = evaluated_encoder_of(load_checkpoint(tmp_path / "run"))
    assert evaluated.trained is not None
    for folder, joints in zip(robots, (PANDA, SO101), strict=True):
        write_robot(tmp_path / folder.name, joints, seed=9, instance_set="test")
        data = PreparedData.open(folder, tmp_path / folder.name)
        assert evaluated.trained.for_frames(data, data.indices(("test",))).space.components == joints

        found = evaluate(evaluated, data, EvaluationSettings(measures=("action",), baselines=False, device="cpu"))

        measured = found.to_json()["action"]
        assert 0 < measured["mrr"] < 1
        assert -1 <= measured["gradient_cosine"] <= 1
