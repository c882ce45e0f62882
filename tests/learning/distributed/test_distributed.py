"""Two processes with half of each batch learn, by every method, what one process learns with the whole batch.

torchrun runs this file as each of the two processes: `test_distributed.py DATA FOLDER`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sequences import random_later

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import AasslError, CheckpointError, ConfigError
from aassl_ros.learning.distributed.process_group import (
    any_rank,
    check_same,
    fail_together,
    joined_ranks,
    on_rank_zero,
    own_gpu,
    started_by_torchrun,
)
from aassl_ros.learning.distributed.ranks import local_rows, own_rank
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

PAIRS, ACTION, CATEGORIES, RANKS = 8, 3, 3, 2
SETTINGS = LearnerSettings(batch=PAIRS, image_size=32, width=4, slow_momentum=0.9)
TRAIN = TrainSettings(batch=64, width=4, epochs=1, window="frames:3")
CASES: dict[str, LearnerSettings] = {name: replace(SETTINGS, method=name) for name in METHODS} | {
    "in two parts": replace(SETTINGS, accumulate=2),
    "same actions left out": replace(SETTINGS, same_action=90.0),
    "keys of the same action left out": replace(SETTINGS, method="aa_mocov3", same_action=90.0),
    "lars, and an average": replace(SETTINGS, method="aa_byol", optimizer="lars", ema=0.9),
}


def batch(seed: int, accumulate: int) -> tuple[np.ndarray, ...]:
    """This process's rows of a batch."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, PAIRS, 32, 32, 3), dtype=np.uint8)
    whole = first, second, rng.normal(size=(PAIRS, ACTION)).astype(np.float32), rng.integers(0, CATEGORIES, PAIRS)
    return tuple(array[local_rows(PAIRS, accumulate)] for array in whole)


def learn(settings: LearnerSettings) -> dict:
    """Losses and gradients of the first of two updates, and weights after both, in float64."""
    normalisation = Normalisation(np.zeros(ACTION, np.float32), np.ones(ACTION, np.float32))
    space = ActionSpace("object_pose", components=("rotation",))
    learner = Learner(settings, ACTION, SameAction.of(settings.same_action, space, normalisation), CATEGORIES)
    learner.network.double()
    if learner.average is not None:
        learner.average.encoder.double()
    learner.network.register_forward_pre_hook(
        lambda _, args: (
            *(rows.double() for rows in args[:3]),
            args[3],
            *(tuple(rows.double() for rows in part) for part in args[4:]),
        )
    )
    later = random_later(settings.method, PAIRS, 32, ACTION, local_rows(PAIRS, settings.accumulate))
    losses = learner.step(*batch(0, settings.accumulate), later=later)
    learnt = {name: weight for name, weight in learner.network.named_parameters() if weight.requires_grad}
    gradients = {name: weight.grad.clone() for name, weight in learnt.items()}
    learner.step(*batch(1, settings.accumulate), later=later)
    reported = [loss for loss in asdict(losses).values() if loss is not None]
    return {"losses": reported, "gradients": gradients, "weights": learner.weights()}


def said(work: Callable[[], object]) -> str:
    """The error of `work`, its kind and whether it is left to another process to say it."""
    try:
        work()
    except AasslError as error:
        return f"{type(error).__name__}{' (quiet)' if error.quiet else ''}: {error}"
    return "nothing"


def disagree(data: PreparedData, folder: Path) -> dict[str, str]:
    """What this rank says where it is unlike the other."""
    rank, run = own_rank(), folder / "run"

    def begin_but_one() -> None:
        with fail_together():
            if rank == 1:
                raise CheckpointError("run is gone.")

    def begin_none() -> None:
        with fail_together():
            raise ConfigError("lr is odd.")

    def fail_first() -> None:
        raise CheckpointError("it is full.")

    def train(data: PreparedData, settings: TrainSettings) -> None:
        Trainer(data, run, settings).agree()

    def train_spoilt() -> None:
        trainer = Trainer(data, run, TRAIN)
        on_rank_zero(lambda: begin(run))
        torch.nn.init.constant_(trainer.learner.encoder.conv1.weight, float("nan"))
        trainer.train(lambda _: None, lambda: False)

    other_data = replace(data, fingerprint=f"of process {rank}")
    return {
        "settings": said(lambda: train(data, replace(TRAIN, lr=0.1 + rank))),
        "data": said(lambda: train(other_data, TRAIN)),
        "batch": said(lambda: train(data, replace(TRAIN, batch=65))),
        "parts": said(lambda: train(data, replace(TRAIN, batch=66, accumulate=2))),
        "code": said(lambda: check_same({"the code": f"of {rank}"})),
        "one fails": said(begin_but_one),
        "all fail": said(begin_none),
        "first fails": said(lambda: on_rank_zero(fail_first)),
        "first returns": str(on_rank_zero(lambda: f"from {rank}")),
        "flags": str(any_rank(rank == 1, False)),
        "left behind": str(sorted(path.name for path in run.glob("**/*"))),
        "loss is lost": said(train_spoilt),
    }


def main(data: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    with joined_ranks(600.0):
        found = {name: learn(settings) for name, settings in CASES.items()}
        rank, said_there = own_rank(), disagree(PreparedData.open(data), folder)
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    left = [name for name in threads if "gloo" in name]
    torch.save({"found": found, "said": said_there, "threads": left}, folder / f"{rank}.pt")


@pytest.fixture(scope="module")
def ranks(turning_clouds: PreparedData, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of two processes found and said."""
    folder = tmp_path_factory.mktemp("ranks")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS)]
    program = [str(Path(__file__).resolve()), str(turning_clouds.path), str(folder)]
    support = str(Path(__file__).parents[2] / "support")  # pytest adds it for this process alone
    paths = os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")]))
    subprocess.run([*torchrun, *program], check=True, timeout=600, env={**os.environ, "PYTHONPATH": paths})
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(RANKS)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_learns(name: str, ranks: list[dict]) -> None:
    alone = learn(CASES[name])
    for rank in ranks:
        found = rank["found"][name]
        assert found["losses"] == pytest.approx(alone["losses"], rel=1e-6)  # told in float32
        torch.testing.assert_close(found["gradients"], alone["gradients"], rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(found["weights"], alone["weights"], rtol=1e-6, atol=1e-8)


def test_all_processes_hold_the_same_weights_to_the_bit(ranks: list[dict]) -> None:
    for name in CASES:
        first, second = (rank["found"][name]["weights"] for rank in ranks)
        assert all(torch.equal(first[weight], second[weight]) for weight in first), name


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("settings", "the setting lr is 1.1 in process 1 and 0.1 in process 0"),
        ("data", "the data's fingerprint is of process 1 in process 1 and of process 0 in process 0"),
        ("code", "the code is of 1 in process 1 and of 0 in process 0"),
        ("batch", "batch = 65 cannot be divided equally: choose a multiple of 2 (2 processes)."),
        ("parts", "batch = 66 cannot be divided equally: choose a multiple of 4 (2 processes, 2 parts)."),
    ],
)
def test_every_rank_reports_what_differs(ranks: list[dict], case: str, message: str) -> None:
    for rank in ranks:
        assert rank["said"][case].startswith("ConfigError")
        assert message in rank["said"][case]


def test_if_one_rank_fails_all_fail(ranks: list[dict]) -> None:
    assert [rank["said"]["one fails"] for rank in ranks] == [
        "TrainingError: process 1 cannot start: run is gone.",
        "CheckpointError: run is gone.",
    ]
    for case, message in (("all fail", "ConfigError{}: lr is odd."), ("first fails", "CheckpointError{}: it is full.")):
        assert [rank["said"][case] for rank in ranks] == [message.format(""), message.format(" (quiet)")]
    for rank in ranks:
        assert rank["said"]["first returns"] == "from 0"
        assert rank["said"]["flags"] == "(True, False)"
        assert rank["said"]["left behind"] == "[]"
        assert "the loss is nan at step 1" in rank["said"]["loss is lost"]


def test_no_process_group_is_left_at_exit(ranks: list[dict]) -> None:
    assert [rank["threads"] for rank in ranks] == [[], []]


def test_without_torchrun_or_alone_there_are_no_other_processes() -> None:
    assert not started_by_torchrun({"PATH": "/bin"})
    assert not started_by_torchrun({"RANK": "0", "WORLD_SIZE": "1"})


WHOLE = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MASTER_ADDR": ""}, "LOCAL_RANK = 1, MASTER_PORT = 29500, but no MASTER_ADDR. Start several processes"),
        ({"RANK": "", "MASTER_PORT": ""}, "but no RANK and no MASTER_PORT"),
        ({"RANK": "2"}, "RANK = 2, WORLD_SIZE = 2, .* expected whole numbers, RANK below WORLD_SIZE"),
        ({"MASTER_PORT": "any"}, "MASTER_PORT = any, expected whole numbers"),
    ],
)
def test_an_environment_that_is_not_whole_is_named(changes: dict[str, str], message: str) -> None:
    assert started_by_torchrun(WHOLE)
    with pytest.raises(ConfigError, match=message):
        started_by_torchrun({**WHOLE, **changes})


def test_each_process_of_a_machine_takes_a_gpu_of_its_own() -> None:
    assert [own_gpu("auto", rank, gpus=2) for rank in range(2)] == [0, 1]
    assert own_gpu("cpu", 5, gpus=2) is None
    with pytest.raises(ConfigError, match="this machine has 2 GPUs for 3 processes or more"):
        own_gpu("cuda", 2, gpus=2)
    with pytest.raises(ConfigError, match="device = 'cuda:0', but each process needs a GPU of its own"):
        own_gpu("cuda:0", 1, gpus=2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
