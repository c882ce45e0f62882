"""Pairs of the same action: which are, in each action space, and how the action term leaves them out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Group, Normalisation
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.saving import resume_learner
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer
from aassl_ros.motion import rotations

SETTINGS = LearnerSettings(batch=8, image_size=32, width=4, same_action=3.0)


def encoded(turns: np.ndarray, rotation: str) -> np.ndarray:
    """Quaternions [N, 4] as an action space writes them."""
    if rotation == "vector":
        return rotations.to_rotation_vector(turns)
    return rotations.matrix_to_6d(rotations.to_matrix(turns))


@pytest.mark.parametrize("rotation", ["vector", "6d"])
def test_rotations_are_the_same_if_the_angle_between_them_is_within_the_tolerance(rotation: str) -> None:
    rng = np.random.default_rng(0)
    turns = rotations.from_rotation_vector(rng.normal(size=(40, 3)))
    nudges = rotations.from_rotation_vector(rng.normal(size=(40, 3)) * np.radians(2))
    turns = np.concatenate([turns, rotations.multiply(nudges, turns)])
    actions = encoded(turns, rotation).astype(np.float32)
    space = ActionSpace("object_pose", rotation, ("rotation",))
    normalisation = Normalisation.measure(actions, (Group("rotation", actions.shape[1]),))
    found = SameAction(space, normalisation, 3.0)(torch.from_numpy(normalisation(actions))).numpy()

    angle = np.degrees(rotations.angle_between(turns[:, None], turns[None]))
    clear = np.abs(angle - 3.0) > 0.01  # float32 decides the rest
    assert np.array_equal(found[clear], (angle <= 3.0)[clear])
    assert 0 < np.triu(found, 1).sum() < 40


@pytest.mark.parametrize("rotation", ["vector", "6d"])
def test_recorded_angles_are_the_same_across_a_whole_turn(rotation: str) -> None:
    degrees = np.array([[0.0], [179.5], [-179.5], [90.0]])
    actions = (
        np.radians(degrees) if rotation == "vector" else np.hstack([f(np.radians(degrees)) for f in (np.cos, np.sin)])
    )
    space = ActionSpace("recorded", rotation, ("table_deg",))
    normalisation = Normalisation.measure(actions.astype(np.float32), (Group("table_deg", actions.shape[1]),))

    found = SameAction(space, normalisation, 3.0)(torch.from_numpy(normalisation(actions.astype(np.float32))))

    assert (torch.triu(found, 1).nonzero() == torch.tensor([[1, 2]])).all()


def test_a_translation_must_agree_to_the_same_share_of_its_usual_size() -> None:
    # The usual turn is 0.2 rad and the usual shift 0.1 m: 0.02 rad are a tenth of the one, 0.01 m of the other.
    normalisation = Normalisation(np.zeros(6, np.float32), np.array([0.2] * 3 + [0.1] * 3, np.float32))
    same = SameAction(
        ActionSpace("object_pose", "vector", ("rotation", "translation")), normalisation, np.degrees(0.02)
    )
    still = np.zeros(6)
    turned, shifted, far = still.copy(), still.copy(), still.copy()
    turned[0], shifted[4], far[4] = 0.019, 0.009, 0.011
    found = same(torch.from_numpy(normalisation(np.stack([still, turned, shifted, far]).astype(np.float32))))
    assert found[0].tolist() == [True, True, True, False]


def test_joints_must_all_agree_and_full_turns_do_not_count() -> None:
    actions = np.radians([[0.0, 10.0], [2.0, 10.0], [2.0, 14.0], [360.0, 10.0]]).astype(np.float32)
    normalisation = Normalisation(np.full(2, 0.1, np.float32), np.full(2, 0.5, np.float32))
    same = SameAction(ActionSpace("joints", components=("wrist", "elbow")), normalisation, 3.0)
    found = same(torch.from_numpy(normalisation(actions)))
    assert found[0].tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    "space", [ActionSpace("time", components=("seconds",)), ActionSpace("end_effector", components=("translation",))]
)
def test_an_action_without_angles_is_refused(space: ActionSpace) -> None:
    with pytest.raises(
        ConfigError, match=f"same_action = 5 degrees, but the action space {space.name} .* entries that are not angles"
    ):
        SameAction(space, Normalisation(np.zeros(3, np.float32), np.ones(3, np.float32)), 5.0)


@pytest.mark.parametrize("method", ["aa_simclr", "aa_mocov3"])
def test_the_action_term_leaves_out_pairs_of_the_same_action(method: str) -> None:
    same = SameAction(
        ActionSpace("turn_size", components=("angle",)),
        Normalisation(np.zeros(1, np.float32), np.ones(1, np.float32)),
        3.0,
    )
    term = Learner(replace(SETTINGS, method=method), 1, same).objective["action"]
    action = torch.deg2rad(torch.tensor([[0.0], [1.0], [20.0], [40.0], [60.0], [60.0], [80.0], [99.0]]))
    mask = torch.eye(8, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = mask[4, 5] = mask[5, 4] = True
    f, f_next = torch.randn(2, 8, 32)
    pairs = Pairs(f, f_next, action, (f, f_next))
    if method == "aa_simclr":
        joint, embedded = term.embed(pairs)
        expected = nt_xent(embedded, joint, temperature=0.1, same=mask)
    else:
        joint = term.joint_predictor(term.joint_head(f, f_next))
        embedded = term.action_predictor(term.action_head(action))
        expected = info_nce(joint, term.slow_action_head(action), temperature=0.2, same=mask)
        expected = expected + info_nce(embedded, term.slow_joint_head(f, f_next), temperature=0.2, same=mask)
    torch.testing.assert_close(term(pairs), expected)


def test_repeated_actions_no_longer_hold_the_loss_up() -> None:
    # Two actions in turn: perfect embeddings cannot tell a pair from the others of its action, and need not.
    embedding = torch.eye(8)[torch.arange(8) % 2]
    repeated = torch.arange(8)[:, None] % 2 == torch.arange(8) % 2
    assert nt_xent(embedding, embedding, temperature=0.1).item() == pytest.approx(np.log(7), abs=1e-2)
    assert nt_xent(embedding, embedding, temperature=0.1, same=repeated).item() < 0.01


@pytest.mark.parametrize("method", ["byol", "simclr_tt", "aa_vicreg", "sie"])
def test_a_method_that_takes_no_actions_for_negatives_refuses_the_setting(method: str) -> None:
    with pytest.raises(ConfigError, match=f"same_action = 3, but {method} does not use other actions as negatives"):
        Learner(replace(SETTINGS, method=method), 6)


def test_a_learner_with_same_action_needs_the_action_space() -> None:
    with pytest.raises(ValueError, match="needs the action space"):
        Learner(SETTINGS, 6)


def test_a_run_and_its_checkpoint_know_what_actions_mean(turning_clouds: PreparedData, tmp_path: Path) -> None:
    settings = TrainSettings(batch=64, width=4, epochs=1, window="frames:1", same_action=20.0)
    begin(tmp_path)
    trainer = Trainer(turning_clouds, tmp_path, settings)
    trainer.train(lambda progress: None, lambda: False)
    checkpoint = load_checkpoint(tmp_path)
    again = resume_learner(checkpoint).objective["action"].same_action
    here = trainer.learner.objective["action"].same_action
    actions = torch.randn(200, 6)
    assert torch.equal(again(actions), here(actions))
    assert 200 < again(actions).sum() < 200 * 200
    assert not any("same_action" in name for name in checkpoint.weights)
