"""L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.5) for smooth convex functions.

Neither existing one is used: torch's imports torch's compiler, which takes a second in every evaluation and gallery;
SciPy's runs on threads that torch's settings do not limit.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], tuple[float, Tensor]]
"""Maps a point float [N] to the value there and its gradient [N]."""

_REMEMBERED = 100
_FLAT = 1e-7  # converged if no entry of the gradient is larger
_STILL = 1e-7  # converged if a step gains less than this share of the value, which float32 cannot resolve
_DECREASE, _CURVATURE = 1e-4, 0.9  # the Wolfe conditions on a step
_TRIES = 25


@torch.no_grad()
def minimise(function: Function, start: Tensor, iterations: int) -> Tensor:
    """Find the minimum of `function`, from `start` [N], in at most `iterations` steps. Returns a point [N]."""
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
    """Multiply `slope` by the inverse Hessian, approximated from the last steps.

    steps: change of the point, change of the slope, and their product; oldest first.
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
    """Find a step length that meets the Wolfe conditions, by halving and doubling.

    descent: the derivative along `direction`, negative; first: the length to try first.
    Returns the length, and value and gradient there; None if no step decreases the value.
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
