"""Half precision: it learns what full precision learns, and says when numbers no longer fit into it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sequences import random_later

from aassl_ros.errors import ConfigError, TrainingError
from aassl_ros.learning.compute.precision import MOST_OVERFLOWS, choose_precision
from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.losses.vicreg import vicreg
from aassl_ros.learning.objectives.heads import ActionHead
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner

SETTINGS = LearnerSettings(batch=16, image_size=32, width=4, device="cpu")
ACTION, CATEGORIES = 6, 3


def triplets(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
    return first, second, rng.normal(size=(16, ACTION)).astype(np.float32), np.arange(16) % CATEGORIES


def learner_of(**settings: object) -> Learner:
    return Learner(replace(SETTINGS, **settings), ACTION, categories=CATEGORIES)


def weights(learner: Learner) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in learner.network.parameters()]


def test_auto_is_single_precision_on_a_cpu_and_what_is_asked_for_is_given() -> None:
    assert choose_precision("auto", torch.device("cpu")) == "fp32"
    assert choose_precision("fp16", torch.device("cpu")) == "fp16"


def test_pictures_so_small_that_half_precision_goes_wrong_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"precision = 'bf16', but for images of 16 px .* Use fp32"):
        learner_of(precision="bf16", image_size=16)
    learner_of(precision="bf16", image_size=17)
    learner_of(precision="bf16", image_size=16, stem="small")


@pytest.mark.parametrize("method", METHODS)
def test_in_bf16_each_method_scores_and_learns_as_in_fp32(method: str) -> None:
    full, half = (learner_of(method=method, precision=precision) for precision in ("fp32", "bf16"))
    first, second, action, *rest = triplets()
    later = random_later(method, len(first), first.shape[1], action.shape[1])
    expected, found = (each.step(first, second, action, *rest, later=later) for each in (full, half))
    assert found.total == pytest.approx(expected.total, rel=0.05)
    slopes = [torch.cat([w.grad.flatten() for w in learner.encoder.parameters()]) for learner in (full, half)]
    assert torch.cosine_similarity(*slopes, dim=0) > 0.8
    assert all(weight.dtype == torch.float32 for weight in half.network.parameters())
    assert all(weight.isfinite().all() for weight in half.network.parameters())


@pytest.mark.parametrize(
    "loss", [lambda u, v: nt_xent(u, v, temperature=0.1), lambda u, v: info_nce(u, v, temperature=0.1), byol, vicreg,
             barlow_twins, ciper]
)  # fmt: skip
def test_losses_are_computed_in_full_within_half_precision(loss) -> None:
    u, v = torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = loss(u, v)
    assert within.dtype == torch.float32
    assert torch.equal(within, loss(u, v))


def test_small_differences_between_actions_are_not_rounded_away() -> None:
    head = ActionHead(3, 16)
    action = 1 + 1e-4 * torch.randn(8, 3, generator=torch.Generator().manual_seed(0))  # all the same in bf16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = head(action)
    assert torch.equal(within, head(action))


def test_in_fp16_gradients_that_overflow_are_left_out_until_they_fit() -> None:
    learner = learner_of(precision="fp16", action_weight=1000.0)
    before, scale = weights(learner), learner.state()["precision"]["scale"]
    learner.step(*triplets())
    assert learner.state()["precision"]["scale"] == scale / 2
    assert all(torch.equal(*pair) for pair in zip(before, weights(learner), strict=True))
    for seed in range(1, MOST_OVERFLOWS):
        learner.step(*triplets(seed))
    assert not torch.equal(before[0], weights(learner)[0])
    assert learner.state()["precision"]["overflows"] == 0
    assert learner.steps == MOST_OVERFLOWS


def test_in_fp16_gradients_that_never_fit_end_in_an_error() -> None:
    learner = learner_of(precision="fp16", action_weight=1000.0, action_temperature=1e-6)
    for seed in range(MOST_OVERFLOWS - 1):
        learner.step(*triplets(seed))
    with pytest.raises(
        TrainingError, match=r"overflowed half precision in 20 consecutive updates.*set precision to bf16 or fp32"
    ):
        learner.step(*triplets())
    assert all(weight.isfinite().all() for weight in learner.network.parameters())


def test_in_fp16_features_that_overflow_are_said_to_want_more_precision() -> None:
    learner = learner_of(precision="fp16")
    with torch.no_grad():
        learner.encoder.bn1.weight.fill_(1e6)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1\. Lower lr .*set precision to bf16 or fp32"):
        learner.step(*triplets())
