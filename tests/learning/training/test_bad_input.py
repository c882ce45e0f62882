"""Data and settings that are not suitable for training are refused; poor ones are trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from sequences import random_later

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.reports import TrainReport
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = TrainSettings(batch=32, width=4, epochs=1)


@pytest.fixture
def few(tmp_path: Path) -> PreparedData:
    return write_synthetic(tmp_path / "data", episodes=4, frames=16, image_size=16)  # 64 frames: 2 updates


def train(data: PreparedData, run: Path, **settings: object) -> TrainReport:
    trainer = Trainer(data, run, replace(SETTINGS, **settings))
    begin(run)
    return trainer.train(lambda progress: None, lambda: False)


def test_a_single_episode_can_be_trained_on(tmp_path: Path) -> None:
    data = write_synthetic(tmp_path / "data", episodes=1, frames=32, image_size=16)
    assert np.isfinite(train(data, tmp_path / "run").losses.total)


def test_a_single_episode_spares_no_object_for_validation_or_the_probe(tmp_path: Path) -> None:
    data = write_synthetic(tmp_path / "data", episodes=1, frames=32, image_size=16)
    with pytest.raises(ConfigError, match=r"no category of .* has two objects"):
        train(data, tmp_path / "run", validation=True)
    with pytest.raises(ConfigError, match="probe_every needs labels of the train objects"):
        train(data, tmp_path / "run", probe_every=1.0)


def test_episodes_of_one_frame_make_no_pair(tmp_path: Path) -> None:
    data = write_synthetic(tmp_path / "data", episodes=40, frames=1, image_size=16)
    with pytest.raises(DataError, match="no pair among 40 frames within one episode"):
        train(data, tmp_path / "run")


def test_an_episode_of_one_frame_among_others_is_left_out(few: PreparedData) -> None:
    last = few.episodes[-1]
    short, rest = replace(last, stop=last.start + 1), replace(last, id="rest", start=last.start + 1)
    episode_of = few.episode_of + (np.arange(len(few)) > last.start)
    cut = replace(few, episodes=(*few.episodes[:-1], short, rest), episode_of=episode_of)
    anchors = PairBatches(cut, SETTINGS, ("train",)).sampler.anchors
    assert set(range(len(few))) - set(anchors) == {last.start}


def test_an_arm_that_did_not_move_teaches_no_action(few: PreparedData, tmp_path: Path) -> None:
    still = replace(few, object_pose=np.tile(few.object_pose[:1], (len(few), 1)))
    with pytest.raises(DataError, match="every action is the same: the arm did not move"):
        train(still, tmp_path / "run")


def test_a_joint_that_did_not_move_beside_one_that_did_is_no_harm(few: PreparedData, tmp_path: Path) -> None:
    position = few.joint_position.copy()
    position[:, 1] = 0.3
    report = train(replace(few, joint_position=position), tmp_path / "run", action_space="joints")
    assert np.isfinite(report.losses.total)
    normalisation = load_checkpoint(tmp_path / "run").normalisation
    assert normalisation.scale[1] == normalisation.scale[0] > 1e-3  # one scale for all joints


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.uses_actions])
def test_a_batch_of_equal_actions_leaves_all_weights_finite(method: str) -> None:
    learner = Learner(LearnerSettings(method=method, batch=8, image_size=16, width=4), 3)
    first, second = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 16, 3), dtype=np.uint8)
    later = random_later(method, 8, 16, 3)
    if later is not None:
        later = replace(later, actions=np.ones_like(later.actions))
    assert np.isfinite(learner.step(first, second, np.ones((8, 3), np.float32), later=later).total)
    assert all(weight.isfinite().all() for weight in learner.network.parameters())


def test_equal_images_leave_all_weights_finite() -> None:
    learner = Learner(LearnerSettings(batch=8, image_size=16, width=4), 3)
    black = np.zeros((8, 16, 16, 3), np.uint8)
    for _ in range(2):
        assert np.isfinite(learner.step(black, black, np.eye(8, 3, dtype=np.float32)).total)
    assert all(weight.isfinite().all() for weight in learner.network.parameters())


def test_a_run_does_not_continue_in_another_action_space(few: PreparedData, tmp_path: Path) -> None:
    train(few, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"action_space = 'joints', but .* was started with 'auto'"):
        resume(tmp_path / "run", {"action_space": "joints"}, replace(SETTINGS, action_space="joints"))


def test_data_without_the_joints_of_a_checkpoint_are_refused(few: PreparedData, tmp_path: Path) -> None:
    train(few, tmp_path / "run", action_space="joints")
    known = load_checkpoint(tmp_path / "run")
    other = replace(few, joint_names=("left", "right"))
    with pytest.raises(
        DataError, match=r"action space joints: no component 'wrist' in these data \(found: left, right"
    ):
        PairBatches(other, SETTINGS, ("train",), (known.action_space, known.normalisation))
    assert known.action_space == ActionSpace("joints", components=("wrist", "elbow"))


def test_a_warm_up_longer_than_the_run_is_refused(few: PreparedData, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="warmup_epochs = 3, expected at most the 1 epochs of the run"):
        train(few, tmp_path / "run", warmup_epochs=3.0)
    with pytest.raises(ConfigError, match="warmup_epochs = 3, which are 6 updates, expected at most the 5 updates"):
        train(few, tmp_path / "run", warmup_epochs=3.0, updates=5)


def test_data_in_which_every_frame_lacks_a_joint_name_the_joints(few: PreparedData, tmp_path: Path) -> None:
    position = few.joint_position.copy()
    position[::2, 0] = np.nan
    position[1::2, 1] = np.nan
    with pytest.raises(DataError, match=r"joints: no frame of .* has all of its parts \(wrist, elbow\). Leave out"):
        train(replace(few, joint_position=position), tmp_path / "run", action_space="joints")


def test_with_a_cosine_the_epochs_stay_as_they_were(few: PreparedData, tmp_path: Path) -> None:
    train(few, tmp_path / "run", schedule="cosine")
    with pytest.raises(ConfigError, match=r"epochs = 2, but .* was started with 1"):
        resume(tmp_path / "run", {"epochs": 2}, replace(SETTINGS, epochs=2))
    resumed = resume(tmp_path / "run", {"precision": "bf16"}, replace(SETTINGS, precision="bf16"))[1]
    assert (resumed.precision, resumed.schedule) == ("bf16", "cosine")


def test_a_run_older_than_a_setting_resumes_with_its_default(few: PreparedData, tmp_path: Path) -> None:
    train(few, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoint"
    state = torch.load(folder / "state.pt", weights_only=True)
    del state["precision"]
    torch.save(state, folder / "state.pt")
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts["state_digest"] = sha256((folder / "state.pt").read_bytes()).hexdigest()
    for name in ("optimizer", "accumulate", "schedule", "warmup_epochs", "ema", "precision", "compile", "probe_every"):
        del facts["config"][name]
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    checkpoint, settings = resume(tmp_path / "run", {"optimizer": "adamw", "epochs": 2}, replace(SETTINGS, epochs=2))
    assert (settings.optimizer, settings.accumulate, settings.schedule, settings.ema) == ("adamw", 1, "constant", 0.0)
    report = Trainer(few, tmp_path / "run", settings, checkpoint).train(lambda progress: None, lambda: False)
    assert report.step == 4
