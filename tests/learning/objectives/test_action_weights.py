"""Negatives and pairs weighted by their actions."""

from __future__ import annotations

import math

import pytest
import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.objectives.action_weights import negative_weights, pair_weights
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.network import Network


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_similar_actions_count_more_and_the_mean_is_one() -> None:
    actions = torch.tensor([[0.0], [0.1], [1.0], [3.0]])
    weights = negative_weights(actions, 2.0)
    assert weights[0, 1] > weights[0, 2] > weights[0, 3] > 0
    off = weights[~torch.eye(4, dtype=torch.bool)].view(4, 3)
    assert torch.allclose(off.mean(1), torch.ones(4, dtype=torch.float64))


def test_the_ratio_of_two_weights_is_the_one_written() -> None:
    actions = torch.tensor([[0.0], [1.0], [3.0]])  # distances 1, 3 and 2: the mean is 2
    weights = negative_weights(actions, 4.0)
    assert (weights[0, 1] / weights[0, 2]).item() == pytest.approx(math.exp(4.0 * (3 - 1) / 2))


def test_without_hardness_and_for_equal_actions_nothing_changes() -> None:
    u, v = draw(6, 4), draw(6, 4, seed=1)
    plain = nt_xent(u, v, temperature=0.2)
    for actions, hardness in ((draw(6, 3, seed=2), 0.0), (torch.zeros(6, 3), 5.0)):
        weighted = nt_xent(u, v, temperature=0.2, negative_weights=negative_weights(actions, hardness))
        assert weighted.item() == pytest.approx(plain.item(), rel=1e-12)


def test_a_weighted_negative_counts_so_many_times() -> None:
    u, v, tau = draw(3, 4), draw(3, 4, seed=1), 0.5
    weights = torch.tensor([[9.0, 2.0, 1.0], [2.0, 9.0, 0.5], [1.0, 0.5, 9.0]], dtype=torch.float64)
    z = torch.nn.functional.normalize(torch.cat([u, v]), dim=1)
    total = 0.0
    for i in range(6):
        others = [
            (1.0 if i % 3 == j % 3 else weights[i % 3, j % 3].item()) * math.exp(float(z[i] @ z[j]) / tau)
            for j in range(6)
            if j != i
        ]
        total += -float(z[i] @ z[(i + 3) % 6]) / tau + math.log(sum(others))
    assert nt_xent(u, v, temperature=tau, negative_weights=weights).item() == pytest.approx(total / 6, rel=1e-12)


def test_pairs_with_large_actions_count_less() -> None:
    weights = pair_weights(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), 1.0)
    assert (weights[0] / weights[1]).item() == pytest.approx(math.exp(5 / 2.5))
    assert weights.mean().item() == pytest.approx(1)
    assert torch.equal(pair_weights(draw(5, 2), 0.0), torch.ones(5, dtype=torch.float64))


def test_a_pair_without_weight_is_a_negative_only() -> None:
    u, v = draw(4, 3), draw(4, 3, seed=1)
    weights = torch.tensor([1.0, 1.0, 1.0, 0.0])
    found = nt_xent(u, v, temperature=0.3, pair_weights=weights)
    rows = [nt_xent(u, v, temperature=0.3, pair_weights=torch.eye(4)[i]).item() for i in range(3)]
    assert found.item() == pytest.approx(sum(rows) / 3, rel=1e-9)


@pytest.mark.parametrize("method", ["aw_simclr", "aa_aw_simclr", "aa_simclr"])
def test_the_methods_give_the_encoder_gradients(method: str) -> None:
    settings = LearnerSettings(
        method=method, width=4, image_size=16, hard_actions=0.0 if method == "aw_simclr" else 3.0
    )
    network = Network(settings, 6, None, 0)
    x = torch.rand(2, 16, 3, 16, 16)
    terms = network(x[0], x[1], torch.randn(16, 6), None)
    for loss in (term for term in terms[:2] if term is not None):
        assert math.isfinite(loss.item())
        loss.backward(retain_graph=True)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.encoder.parameters())


def test_hard_actions_without_such_negatives_are_refused() -> None:
    with pytest.raises(ConfigError, match="hard_actions = 2, expected 0: aa_byol has no negatives among actions"):
        Network(LearnerSettings(method="aa_byol", width=4, image_size=16, hard_actions=2.0), 6, None, 0)
