"""Heads of each action space: what they compute, and which of them get a gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.learning.objectives.base import Pairs, Sizes
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.objectives.space_heads import SpaceHead, SpaceHeads
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner

SETTINGS = LearnerSettings(batch=16, image_size=16, width=4, method="aa_simclr")
SPACES = (SpaceHead("panda", 7), SpaceHead("so101", 5))
METHODS_WITH_HEADS = ("aa_simclr", "aa_byol", "aa_mocov3", "aa_vicreg", "aa_barlow", "ciper", "equimod")


def pairs_of(*robots: int, slow: bool = False) -> Pairs:
    """Pairs whose actions are of these robots (0 or 1)."""
    generator = torch.Generator().manual_seed(0)
    of_robot, count = torch.tensor(robots), len(robots)
    action = torch.randn(count, 12, generator=generator)
    action[of_robot == 0, 7:] = torch.nan
    action[of_robot == 1, :7] = torch.nan
    features = [torch.randn(count, 32, generator=generator) for _ in range(4)]
    return Pairs(
        features[0].requires_grad_(), features[1].requires_grad_(), action, tuple(features[2:] if slow else ())
    )


def term_of(method: str) -> SpaceHeads:
    build, settings = METHODS[method].action_term, replace(SETTINGS, method=method)
    assert build is not None
    return SpaceHeads(SPACES, lambda actions: build(Sizes(32, actions), settings), settings)


@pytest.mark.parametrize("method", METHODS_WITH_HEADS)
def test_the_loss_is_that_of_each_space_alone_weighted_by_its_pairs(method: str) -> None:
    term = term_of(method)
    pairs = pairs_of(*[0, 1, 1, 0] * 5, *[0] * 4, slow=METHODS[method].slow_encoder)
    alone = []
    for key, columns in (("panda", slice(0, 7)), ("so101", slice(7, 12))):
        rows = torch.isfinite(pairs.action[:, columns.start])
        slow = tuple(each[rows] for each in pairs.slow)
        own = Pairs(pairs.first[rows], pairs.second[rows], pairs.action[rows, columns], slow)
        alone.append(int(rows.sum()) / 24 * term.heads[key](own))

    torch.testing.assert_close(term(pairs), sum(alone))


@pytest.mark.parametrize("method", METHODS_WITH_HEADS)
def test_a_batch_without_a_robot_gives_its_heads_no_gradient(method: str) -> None:
    term = term_of(method)
    pairs = pairs_of(*[0] * 8, 1, slow=METHODS[method].slow_encoder)  # a single pair has no negatives

    term(pairs).backward()

    assert all(weight.grad is None for weight in term.heads["so101"].parameters())
    grads = [weight.grad for weight in term.heads["panda"].parameters() if weight.requires_grad]
    assert all(grad is not None for grad in grads)
    assert pairs.first.grad is not None
    assert pairs.first.grad[:8].abs().sum() > 0
    assert (pairs.first.grad[8] == 0).all()


def test_one_robot_does_not_change_the_gradient_of_the_others_heads() -> None:
    term = term_of("aa_simclr")
    both, alone = pairs_of(*[0] * 8, *[1] * 8), pairs_of(*[0] * 8, *[1] * 8)
    both.action.data[:8, :7] += 1  # other actions of the first robot
    found = []
    for pairs in (both, alone):
        term.zero_grad()
        term(pairs).backward()
        found.append([weight.grad.clone() for weight in term.heads["so101"].parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_batch_in_which_no_space_has_two_pairs_has_no_action_loss() -> None:
    pairs = pairs_of(0, 1)
    loss = term_of("aa_simclr")(pairs)
    loss.backward()
    assert loss.item() == 0


def test_the_update_leaves_the_heads_of_an_absent_robot_as_they_were() -> None:
    learner = Learner(SETTINGS, 12, spaces=SPACES)
    before = {name: value.clone() for name, value in learner.weights().items()}
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 16, 3), np.uint8)

    learner.step(images[0], images[1], pairs_of(*[0] * 16).action)

    changed = {name for name, value in learner.weights().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith("objective.action.heads.so101.") for name in changed)
    assert any(name.startswith("objective.action.heads.panda.") for name in changed)
    assert any(name.startswith("encoder.") for name in changed)
    assert any(name.startswith("objective.base.") for name in changed)


def test_same_actions_are_masked_in_each_space() -> None:
    joints = [
        SpaceHead(name, size, SameAction(ActionSpace("joints", components=tuple("abcdefg"[:size])),
                                         Normalisation(np.zeros(size, np.float32), np.ones(size, np.float32)), 1.0))
        for name, size in (("panda", 7), ("so101", 5))
    ]  # fmt: skip
    settings = replace(SETTINGS, same_action=1.0)
    learner = Learner(settings, 12, spaces=joints)
    heads = learner.objective["action"].heads
    assert [heads[space.key].same_action for space in joints] == [space.same_action for space in joints]
