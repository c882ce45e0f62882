"""NT-Xent against a reference written as the equation reads, in float64, value and gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aassl_ros.learning.losses.nt_xent import chance, nt_xent


def reference(u: np.ndarray, v: np.ndarray, temperature: float) -> float:
    """The equation of docs/methods.md, row by row, with nothing vectorised."""
    rows = [row / math.sqrt(sum(x * x for x in row)) for row in [*u, *v]]
    count, total = len(rows), 0.0
    for i in range(count):
        partner = (i + len(u)) % count
        others = [math.exp(float(rows[i] @ rows[j]) / temperature) for j in range(count) if j != i]
        total += -float(rows[i] @ rows[partner]) / temperature + math.log(sum(others))
    return total / count


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize(("pairs", "width"), [(2, 3), (5, 4), (7, 16)])
def test_value_is_the_references(pairs: int, width: int, temperature: float) -> None:
    rng = np.random.default_rng(pairs)
    u, v = rng.normal(size=(2, pairs, width))
    found = nt_xent(torch.tensor(u), torch.tensor(v), temperature=temperature)
    assert found.item() == pytest.approx(reference(u, v, temperature), rel=1e-12)


def test_gradient_is_the_references_by_central_differences() -> None:
    rng = np.random.default_rng(1)
    both = rng.normal(size=(2, 4, 3))
    tensors = torch.tensor(both, requires_grad=True)
    nt_xent(tensors[0], tensors[1], temperature=0.3).backward()
    expected, step = np.zeros_like(both), 1e-5
    for index in np.ndindex(both.shape):
        above, below = both.copy(), both.copy()
        above[index] += step
        below[index] -= step
        expected[index] = (reference(*above, 0.3) - reference(*below, 0.3)) / (2 * step)
    np.testing.assert_allclose(tensors.grad.numpy(), expected, atol=1e-8)


def test_embeddings_that_are_all_the_same_score_chance() -> None:
    same = torch.ones(8, 4)
    assert nt_xent(same, same, temperature=0.1).item() == pytest.approx(chance(8), rel=1e-6)
    assert chance(256) == pytest.approx(6.236, abs=1e-3)


def test_neither_the_length_of_embeddings_nor_the_order_of_the_two_sets_matters() -> None:
    u, v = torch.randn(2, 6, 5, dtype=torch.float64)
    expected = nt_xent(u, v, temperature=0.2)
    torch.testing.assert_close(nt_xent(3 * u, 0.01 * v, temperature=0.2), expected)
    torch.testing.assert_close(nt_xent(v, u, temperature=0.2), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_neither_overflows_nor_strays(dtype: torch.dtype) -> None:
    u, v = torch.randn(2, 32, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    halves = [tensor.to(dtype).requires_grad_() for tensor in (u, v)]
    for temperature in (0.1, 0.01):
        loss = nt_xent(*halves, temperature=temperature)
        expected = nt_xent(*[half.detach().double() for half in halves], temperature=temperature)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
        loss.backward()
        assert all(torch.isfinite(half.grad).all() for half in halves)


@pytest.mark.parametrize("shapes", [((1, 4), (1, 4)), ((3, 4), (2, 4)), ((3, 4), (3, 5)), ((4,), (4,))])
def test_a_batch_of_one_or_unequal_sets_are_refused(shapes: tuple) -> None:
    with pytest.raises(ValueError, match="expected two of one shape"):
        nt_xent(torch.ones(shapes[0]), torch.ones(shapes[1]), temperature=0.1)
