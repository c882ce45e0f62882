"""Every loss against a small reference in float64 written from its equation, value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.losses.sie import sie
from aassl_ros.learning.losses.vicreg import vicreg

# Pairs 0 and 1 carry the same action, and pairs 3 and 5.
SAME = np.eye(6, dtype=bool)
SAME[0, 1] = SAME[1, 0] = SAME[3, 5] = SAME[5, 3] = True


def unit(rows: np.ndarray) -> np.ndarray:
    return np.array([row / np.sqrt((row**2).sum()) for row in rows])


def nt_xent_reference(u: np.ndarray, v: np.ndarray, temperature: float, same: np.ndarray) -> float:
    rows, count = unit(np.concatenate([u, v])), len(u)
    total = 0.0
    for i in range(2 * count):
        partner = (i + count) % (2 * count)
        others = [j for j in range(2 * count) if j % count == i % count or not same[i % count, j % count]]
        total -= rows[i] @ rows[partner] / temperature
        total += np.log(sum(np.exp(rows[i] @ rows[j] / temperature) for j in others if j != i))
    return total / (2 * count)


def info_nce_reference(query: np.ndarray, key: np.ndarray, temperature: float, same: np.ndarray) -> float:
    query, key, total = unit(query), unit(key), 0.0
    for i in range(len(query)):
        keys = [j for j in range(len(key)) if j == i or not same[i, j]]
        total += np.log(sum(np.exp(query[i] @ key[j] / temperature) for j in keys)) - query[i] @ key[i] / temperature
    return 2 * temperature * total / len(query)


def byol_reference(prediction: np.ndarray, target: np.ndarray) -> float:
    return float(np.mean([((p - t) ** 2).sum() for p, t in zip(unit(prediction), unit(target), strict=True)]))


def squared_error(u: np.ndarray, v: np.ndarray) -> float:
    return sum((a - b) ** 2 for a, b in zip(u.ravel(), v.ravel(), strict=True)) / u.size


def shortfall(rows: np.ndarray) -> float:
    return float(np.mean([max(0.0, 1 - np.sqrt(np.var(column, ddof=1) + 1e-4)) for column in rows.T]))


def between_columns(matrix: np.ndarray) -> float:
    return sum(matrix[i, j] ** 2 for i in range(len(matrix)) for j in range(len(matrix)) if i != j)


def vicreg_reference(u: np.ndarray, v: np.ndarray) -> float:
    covariances = (between_columns(np.cov(u.T)) + between_columns(np.cov(v.T))) / u.shape[1]
    return 25 * squared_error(u, v) + 25 * (shortfall(u) / 2 + shortfall(v) / 2) + covariances


def barlow_twins_reference(u: np.ndarray, v: np.ndarray) -> float:
    u, v = ((rows - rows.mean(0)) / np.sqrt(np.var(rows, axis=0) + 1e-5) for rows in (u, v))
    correlation = np.array([[np.mean(a * b) for b in v.T] for a in u.T])
    return float(sum((1 - np.diag(correlation)) ** 2) + 5e-3 * between_columns(correlation)) / u.shape[1]


def sie_reference(stays, stays_next, moves, moves_next, predicted) -> float:
    whole, whole_next = np.hstack([stays, moves]), np.hstack([stays_next, moves_next])
    regular = 10 * (shortfall(whole) + shortfall(whole_next)) / 2 + 10 * shortfall(predicted) / 2
    covariances = (between_columns(np.cov(whole.T)) + between_columns(np.cov(whole_next.T))) / whole.shape[1]
    return 10 * squared_error(stays, stays_next) + 4.5 * squared_error(predicted, moves_next) + regular + covariances


@dataclass(frozen=True)
class Case:
    """inputs: how many sets of embeddings the loss takes; learnt: how many of them, the first ones, get a gradient."""

    loss: Callable[..., Tensor]
    reference: Callable[..., float]
    inputs: int = 2
    learnt: int = 2


CASES = {
    "nt_xent": Case(
        lambda u, v: nt_xent(u, v, temperature=0.3), lambda u, v: nt_xent_reference(u, v, 0.3, np.eye(6, dtype=bool))
    ),
    "nt_xent masked": Case(
        lambda u, v: nt_xent(u, v, temperature=0.3, same=torch.tensor(SAME)),
        lambda u, v: nt_xent_reference(u, v, 0.3, SAME),
    ),
    "info_nce": Case(
        lambda u, v: info_nce(u, v, temperature=0.2),
        lambda u, v: info_nce_reference(u, v, 0.2, np.eye(6, dtype=bool)),
        learnt=1,
    ),
    "info_nce masked": Case(
        lambda u, v: info_nce(u, v, temperature=0.2, same=torch.tensor(SAME)),
        lambda u, v: info_nce_reference(u, v, 0.2, SAME),
        learnt=1,
    ),
    "byol": Case(byol, byol_reference),
    "vicreg": Case(vicreg, vicreg_reference),
    "barlow_twins": Case(barlow_twins, barlow_twins_reference),
    "ciper": Case(ciper, squared_error),
    "sie": Case(sie, sie_reference, inputs=5, learnt=5),
}
every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def embeddings(case: Case, seed: int = 0) -> np.ndarray:
    # Columns of different spread, so that a hinge on it is at work in some and not in others.
    return np.random.default_rng(seed).normal(size=(case.inputs, 6, 4)) * (0.3, 0.7, 1.5, 2.5)


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_its_value_is_the_references(case: Case, seed: int) -> None:
    arrays = embeddings(case, seed)
    assert case.loss(*torch.tensor(arrays)).item() == pytest.approx(case.reference(*arrays), rel=1e-12)


@every_loss
def test_its_gradient_is_the_references_by_central_differences(case: Case) -> None:
    arrays = embeddings(case)
    tensors = [torch.tensor(rows, requires_grad=True) for rows in arrays]
    case.loss(*tensors).backward()
    for number, tensor in enumerate(tensors):
        expected, step = np.zeros_like(arrays[number]), 1e-6
        for index in np.ndindex(expected.shape):
            above, below = arrays.copy(), arrays.copy()
            above[(number, *index)] += step
            below[(number, *index)] -= step
            expected[index] = (case.reference(*above) - case.reference(*below)) / (2 * step)
        if number < case.learnt:
            np.testing.assert_allclose(tensor.grad.numpy(), expected, atol=1e-7)
        else:
            assert tensor.grad is None


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_neither_overflows_nor_strays(case: Case, dtype: torch.dtype) -> None:
    # 6 rows near 300: their squares exceed what float16 holds.
    halves = [torch.tensor(100 * rows).to(dtype).requires_grad_() for rows in embeddings(case)]
    expected = case.loss(*[half.detach().double() for half in halves]).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = case.loss(*halves)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    (loss / max(1.0, expected)).backward()  # a float16 gradient has a largest number too
    assert all(torch.isfinite(half.grad).all() for half in halves[: case.learnt])


@every_loss
def test_embeddings_that_never_vary_give_a_number_and_a_gradient(case: Case) -> None:
    tensors = [torch.ones(6, 4, requires_grad=True) for _ in range(case.inputs)]
    loss = case.loss(*tensors)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(tensor.grad).all() for tensor in tensors[: case.learnt])


@every_loss
@pytest.mark.parametrize("shape", [(1, 4), (6,)])
def test_a_batch_of_one_is_refused(case: Case, shape: tuple) -> None:
    with pytest.raises(ValueError, match="of one shape"):
        case.loss(*[torch.ones(shape) for _ in range(case.inputs)])


@every_loss
def test_sets_of_unlike_shape_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="of one shape"):
        case.loss(torch.ones(6, 3), *[torch.ones(6, 4) for _ in range(case.inputs - 1)])


def test_a_mask_for_another_number_of_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"same \(6, 6\), expected \(5, 5\)"):
        nt_xent(*torch.randn(2, 5, 4), temperature=0.1, same=torch.tensor(SAME))
