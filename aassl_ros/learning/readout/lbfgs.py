"""L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.5) for smooth convex functions.

torch has one; but to make it imports torch's compiler, a second of every evaluation and of every gallery, and SciPy's
runs on threads of its own that no setting of torch's holds back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[float, Tensor]]
"""A point float [N] -> the value there and its gradient [N]."""

_REMEMBERED = 100
_FLAT = 1e-7  # largest entry of the gradient at which nothing is left to gain
_STILL = 1e-7  # gain, as a share of the value, that float32 does not show
_DECREASE, _CURVATURE = 1e-4, 0.9  # the Wolfe conditions on a step
_TRIES = 25


@torch.no_grad()
def minimise(function: Function, start: Tensor, iterations: int) -> Tensor:
    """Where `function` is least, found from `start` [N] in at most `iterations` steps."""
    point = start.clone()
    value, slope = function(point)
    steps: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=_REMEMBERED)
    for number in range(iterations):
        if float(slope.abs().max()) <= _FLAT:
            break
        direction = -_inverse_curvature(slope, steps)
        first = 1.0 if number else min(1.0, 1.0 / float(slope.abs().sum()))
        step = _search(function, point, value, direction, float(slope @ direction), first)
        if step is None:
            break
        length, next_value, next_slope = step
        moved, turned = length * direction, next_slope - slope
        if float(moved @ turned) > 1e-10:
            steps.append((moved, turned, float(moved @ turned)))
        point, slope = point + moved, next_slope
        value, gained = next_value, value - next_value
        if gained < _STILL * abs(value):
            break
    return point


def _inverse_curvature(slope: Tensor, steps: deque[tuple[Tensor, Tensor, float]]) -> Tensor:
    """The inverse Hessian, as the remembered steps show it, times `slope`. steps: moved, how the slope turned, their
    product; oldest first.
    """
    result = slope.clone()
    shares = []
    for moved, turned, product in reversed(steps):
        share = float(moved @ result) / product
        result.sub_(turned, alpha=share)
        shares.append(share)
    if steps:
        _, turned, product = steps[-1]
        result.mul_(product / float(turned @ turned))
    for (moved, turned, product), share in zip(steps, reversed(shares), strict=True):
        result.add_(moved, alpha=share - float(turned @ result) / product)
    return result


def _search(
    function: Function, point: Tensor, value: float, direction: Tensor, descent: float, first: float
) -> tuple[float, float, Tensor] | None:
    """A step length that meets the Wolfe conditions, by halving and doubling, with value and gradient there.

    descent: the derivative along `direction`, negative; first: the length tried first. None where no step gains.
    """
    length, lower, upper = first, 0.0, math.inf
    best = None
    for _ in range(_TRIES):
        found, slope = function(point + length * direction)
        if not found <= value + _DECREASE * length * descent:
            upper = length
        else:
            best = length, found, slope
            if float(slope @ direction) >= _CURVATURE * descent:
                break
            lower = length
        length = 2 * lower if math.isinf(upper) else (lower + upper) / 2
        if -length * descent < _STILL * abs(value):
            break
    return best
