"""Two processes with half a batch each learn what one process with the whole batch learns, by every loss.

Run as a program it is one of the two processes: `test_ranks.py RANK FOLDER`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.errors import TrainingError
from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.losses.classification import classification
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.losses.sie import sie
from aassl_ros.learning.losses.vicreg import vicreg
from aassl_ros.learning.objectives.same_action import MasksSameActions, SameAction

PAIRS, WIDTH, RANKS = 8, 5, 2
ACTIONS = torch.tensor(
    [[0.1], [0.9], [0.5], [0.2], [0.11], [0.52], [0.7], [0.3]]
)  # radians; 0 and 4, 2 and 5 are alike
TARGETS = torch.tensor([0, 3, 4, 1, 1, 2, 0, 4])


def same(actions: torch.Tensor) -> torch.Tensor | None:
    """Which pairs of all ranks carry the same action to 2 degrees, as an action term finds it."""
    term = MasksSameActions()
    unscaled = Normalisation(np.zeros(1, np.float32), np.ones(1, np.float32))
    term.same_action = SameAction(ActionSpace("turn_size", components=("angle",)), unscaled, 2.0)
    return term.same(actions)


LOSSES = {
    "nt_xent": lambda part, z: nt_xent(z[0], z[1], temperature=0.2),
    "nt_xent masked": lambda part, z: nt_xent(z[0], z[1], temperature=0.2, same=same(ACTIONS[part])),
    "info_nce": lambda part, z: info_nce(z[0], z[1], temperature=0.2),
    "info_nce masked": lambda part, z: info_nce(z[0], z[1], temperature=0.2, same=same(ACTIONS[part])),
    "byol": lambda part, z: byol(z[0], z[1]),
    "vicreg": lambda part, z: vicreg(z[0], z[1]),
    "barlow_twins": lambda part, z: barlow_twins(z[0], z[1]),
    "ciper": lambda part, z: ciper(z[0], z[1]),
    "classification": lambda part, z: classification(z[0], z[1], TARGETS[part]),
    "sie": lambda part, z: sie(*z),
}


def learn(part: slice) -> dict[str, dict[str, torch.Tensor]]:
    """Of each loss on the pairs `part`: its value, its gradient by the inputs and by a layer that all pairs share."""
    generator, results = torch.Generator().manual_seed(0), {}
    for name, loss in LOSSES.items():
        inputs = torch.randn(5, PAIRS, WIDTH, dtype=torch.float64, generator=generator)[:, part].requires_grad_()
        layer = torch.randn(WIDTH, WIDTH, dtype=torch.float64, generator=generator).requires_grad_()
        value = loss(part, inputs @ layer)
        value.backward()
        results[name] = {"value": value.detach(), "inputs": inputs.grad, "layer": layer.grad}
    return results


def unequal(rank: int) -> str:
    try:
        byol(*torch.ones(2, 3 + rank, WIDTH))
    except TrainingError as error:
        return str(error)
    return "nothing was said"


def main(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    half = PAIRS // RANKS
    results = learn(slice(rank * half, (rank + 1) * half))
    torch.save({"results": results, "unequal": unequal(rank)}, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("ranks")
    program = [sys.executable, str(Path(__file__).resolve())]
    running = [subprocess.Popen([*program, str(rank), str(folder)]) for rank in range(RANKS)]
    try:
        assert [process.wait(timeout=600) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(RANKS)]


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, torch.Tensor]]:
    return learn(slice(0, PAIRS))


@pytest.mark.parametrize("name", LOSSES)
def test_each_rank_computes_the_loss_of_the_whole_batch(name: str, ranks: list, alone: dict) -> None:
    for rank in ranks:
        torch.testing.assert_close(rank["results"][name]["value"], alone[name]["value"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_whose_gradients_are_averaged_learn_the_same(name: str, ranks: list, alone: dict) -> None:
    average = sum(rank["results"][name]["layer"] for rank in ranks) / RANKS
    torch.testing.assert_close(average, alone[name]["layer"], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_each_row_gets_its_own_gradient_from_all_ranks(name: str, ranks: list, alone: dict) -> None:
    rows = torch.cat([rank["results"][name]["inputs"] for rank in ranks], dim=1) / RANKS
    torch.testing.assert_close(rows, alone[name]["inputs"], rtol=1e-10, atol=1e-12)


def test_unequal_batches_raise_an_error_on_every_rank(ranks: list) -> None:
    for rank in ranks:
        assert "unequal shapes [(3, 10), (4, 10)]" in rank["unequal"]


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
