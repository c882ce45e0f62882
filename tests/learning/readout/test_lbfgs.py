"""L-BFGS on functions whose least point is known."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import Tensor

from aassl_ros.learning.readout.lbfgs import minimise


def test_a_badly_scaled_bowl_is_searched_to_its_bottom() -> None:
    bottom, scales = torch.linspace(-2, 2, 30), torch.logspace(0, 3, 30)

    def bowl(point: Tensor) -> tuple[float, Tensor]:
        away = point - bottom
        return float((scales * away.square()).sum()) / 2 + 1, scales * away

    torch.testing.assert_close(minimise(bowl, torch.zeros(30), 200), bottom, atol=1e-2, rtol=0)


def test_a_valley_that_bends_is_followed() -> None:
    def rosenbrock(point: Tensor) -> tuple[float, Tensor]:
        x, y = point.double().tolist()
        slope = torch.tensor([-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)])
        return 100 * (y - x * x) ** 2 + (1 - x) ** 2 + 1, slope

    found = minimise(rosenbrock, torch.tensor([-1.2, 1.0]), 200)

    torch.testing.assert_close(found, torch.ones(2), atol=5e-2, rtol=0)


def test_a_function_without_finite_values_ends_the_search_at_its_start() -> None:
    start = torch.ones(3)

    assert minimise(lambda point: (float("nan"), torch.full((3,), float("nan"))), start, 50).equal(start)


def test_no_compiler_is_imported_for_a_probe() -> None:
    code = "import sys, aassl_ros.learning.evaluation.evaluate, torch, numpy as n\n"
    code += "from aassl_ros.learning.readout.probe import fit_probe\n"
    code += "fit_probe(torch.randn(8, 3), torch.arange(8) % 2, n.arange(8))\n"
    code += "print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
