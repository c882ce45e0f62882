"""The update: its result, its repeatability, and that training fits actions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import TrainingError
from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.losses.nt_xent import chance, nt_xent
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner, Losses

SETTINGS = LearnerSettings(batch=16, image_size=32, width=4, temperature=0.2, action_temperature=0.3, action_weight=0.5)
ACTION = 6


def triplets(seed: int = 0, count: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, count, 32, 32, 3), dtype=np.uint8)
    return first, second, rng.normal(size=(count, ACTION)).astype(np.float32)


@pytest.mark.parametrize("fusion", ["concat", "difference"])
def test_a_step_computes_the_equation(fusion: str) -> None:
    learner = Learner(replace(SETTINGS, fusion=fusion), ACTION)
    twin = Learner(replace(SETTINGS, fusion=fusion), ACTION)
    first, second, action = triplets()
    losses = learner.step(first, second, action)

    augment, generator = Augmentation(SETTINGS, 32), torch.Generator().manual_seed(SETTINGS.seed)
    f = twin.encoder(augment(torch.tensor(first), generator))
    f_next = twin.encoder(augment(torch.tensor(second), generator))
    p, term = twin.objective["base"].projector, twin.objective["action"]
    fused = torch.cat([f, f_next], 1) if fusion == "concat" else f_next - f
    contrastive = nt_xent(p(f), p(f_next), temperature=0.2)
    aligned = nt_xent(term.action_head(torch.tensor(action)), term.joint_head.net(fused), temperature=0.3)

    assert losses.base == pytest.approx(contrastive.item(), rel=1e-5)
    assert losses.action == pytest.approx(aligned.item(), rel=1e-5)
    assert losses.total == pytest.approx((contrastive + 0.5 * aligned).item(), rel=1e-5)


def test_the_action_term_alone_teaches_the_encoder() -> None:
    learner = Learner(replace(SETTINGS, contrastive_weight=0.0), ACTION)
    before = learner.encoder.conv1.weight.detach().clone()
    learner.step(*triplets())
    assert not torch.equal(before, learner.encoder.conv1.weight)
    assert learner.objective["base"].projector.net[0].weight.grad.abs().max() == 0


def test_without_an_action_term_no_action_is_needed() -> None:
    for method in ("simclr", "simclr_tt"):
        first, second, _ = triplets()
        losses = Learner(replace(SETTINGS, method=method)).step(first, second)
        assert losses.action is None
        assert losses.total == losses.base


def test_with_an_action_term_its_lack_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs actions of at least one dimension"):
        Learner(SETTINGS, 0)
    first, second, _ = triplets()
    with pytest.raises(ValueError, match="needs actions"):
        Learner(SETTINGS, ACTION).step(first, second)


def curve(settings: LearnerSettings) -> list[Losses]:
    learner = Learner(settings, ACTION)
    return [learner.step(*triplets(seed)) for seed in range(4)]


def test_one_seed_is_one_curve_and_another_seed_another() -> None:
    assert curve(SETTINGS) == curve(SETTINGS)
    assert curve(SETTINGS) != curve(replace(SETTINGS, seed=1))


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    Learner(SETTINGS, ACTION).step(*triplets())
    assert torch.equal(torch.rand(4), expected)


def test_a_loss_that_is_no_number_changes_no_weight() -> None:
    learner = Learner(SETTINGS, ACTION)
    learner.step(*triplets())
    before = [parameter.detach().clone() for parameter in learner.encoder.parameters()]
    first, second, action = triplets(1)
    action[3, 2] = np.nan
    with pytest.raises(TrainingError, match=r"the loss is nan at step 2\. Lower lr"):
        learner.step(first, second, action)
    assert all(torch.equal(*pair) for pair in zip(before, learner.encoder.parameters(), strict=True))
    assert learner.steps == 1


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"more than 1 value|N >= 2"):
        Learner(SETTINGS, ACTION).step(*triplets(count=1))


def action_losses(data: PreparedData, epochs: int, shuffled: bool) -> np.ndarray:
    """The action term over a tiny learner's updates, 15 an epoch; actions its own or its neighbour's in the batch."""
    settings = LearnerSettings(
        batch=64, image_size=32, width=8, lr=2e-3, window="frames:1",
        crop_minimum=1.0, jitter_probability=0.0, gray_probability=0.0,
    )  # fmt: skip
    batches = PairBatches(data, settings, ("train",))
    learner, rng, losses = Learner(settings, batches.action_dimension), np.random.default_rng(0), []
    for _ in range(epochs):
        for batch in batches.epoch(rng):
            action = np.roll(batch.action, 1, axis=0) if shuffled else batch.action
            losses.append(learner.step(batch.first, batch.second, action).action)
    return np.array(losses)


def test_training_fits_actions_but_not_shuffled_actions(turning_clouds: PreparedData) -> None:
    assert action_losses(turning_clouds, epochs=10, shuffled=False)[-15:].mean() < chance(64) - 0.3
    assert action_losses(turning_clouds, epochs=5, shuffled=True)[-15:].mean() > chance(64)


def test_a_term_of_your_own_that_returns_no_scalar_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(SETTINGS, ACTION)
    monkeypatch.setattr(learner.objective["base"], "forward", lambda pairs: pairs.first.sum(dim=1))
    with pytest.raises(TrainingError, match=r"^the base term SimCLR returned a tensor of shape \(16,\), expected a sc"):
        learner.step(*triplets())
