"""Online training when the memory or the disk is full: it goes on, and says what it does."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from online_trainers import online_trainers, wait_until

from aassl_ros.errors import TrainingError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.online.memory import out_of_memory, smaller_parts
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint

FULL = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
SIMCLR = LearnerSettings(method="simclr", width=8, image_size=32, batch=32, device="cpu")


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Any]:
    """online(settings...) makes a trainer; all are stopped at the end."""
    with online_trainers(tmp_path / "run", SIMCLR, min_frames=30, min_episodes=1, max_replay_ratio=0.0) as make:
        yield make


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond this size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_above(images: int, seen: list[int]) -> Any:
    """A hook of an encoder on a device that has memory for so many images."""

    def hook(module: torch.nn.Module, arguments: tuple[torch.Tensor]) -> None:
        seen.append(len(arguments[0]))
        if len(arguments[0]) > images:
            raise FULL

    return hook


@pytest.fixture
def resumed(online: Any, tmp_path: Path) -> Any:
    """A trainer that resumes from a checkpoint: its learner exists before it starts."""
    start = load_checkpoint(save_checkpoint(tmp_path / "first", Learner(SIMCLR), Provenance(None, None, ())))
    return online(start=start, save_seconds=1000.0)


def test_an_update_that_does_not_fit_into_the_memory_is_computed_in_parts(resumed: Any, filled: Any) -> None:
    seen: list[int] = []
    resumed._live.learner.encoder.register_forward_pre_hook(full_above(10, seen))
    resumed.start(filled())
    status = wait_until(resumed, lambda status: status.step >= 3)
    assert status.state == "learning"
    assert "computed in 4 parts of 8 pairs" in status.warning
    assert "batch norm see only their part" in status.warning
    resumed.stop()
    saved = load_checkpoint(resumed.status.saved.path)
    assert (saved.settings.batch, saved.settings.accumulate) == (32, 4)
    assert saved.settings.lr == SIMCLR.lr
    assert min(seen) == 8


def test_a_device_without_memory_for_eight_pairs_ends_the_training_with_one_line(resumed: Any, filled: Any) -> None:
    resumed._live.learner.encoder.register_forward_pre_hook(full_above(4, []))
    resumed.start(filled())
    status = wait_until(resumed, lambda status: status.state == "failed")
    assert status.line.startswith("not even 8 pairs fit into the memory (CUDA out of memory.")
    assert "\n" not in status.line


def test_parts_divide_the_batch_and_are_never_smaller_than_eight_pairs() -> None:
    settings, _ = smaller_parts(replace(SIMCLR, batch=96), FULL)
    assert settings.accumulate == 2
    settings, _ = smaller_parts(replace(SIMCLR, batch=99), FULL)
    assert settings.accumulate == 3
    with pytest.raises(TrainingError, match="not even 13 pairs"):
        smaller_parts(replace(SIMCLR, batch=13), FULL)


def test_only_a_lack_of_memory_is_taken_for_one() -> None:
    with pytest.raises(RuntimeError) as found:
        torch.empty(1 << 60)
    assert out_of_memory(found.value)
    assert out_of_memory(FULL)
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_full_disk_at_a_checkpoint_is_told_and_a_later_save_succeeds(
    online: Any, tmp_path: Path, filled: Any
) -> None:
    trainer = online(save_seconds=0.5)
    trainer.start(filled())
    first = wait_until(trainer, lambda status: status.saved).saved
    with files_limited_to(100_000):
        status = wait_until(trainer, lambda status: "saves again in 0.5 s" in status.warning)
        assert "File too large" in status.warning
        wait_until(trainer, lambda later: later.step > status.step)
        assert load_checkpoint(tmp_path / "run").step >= first.step  # the one before is whole
        assert not list((tmp_path / "run" / "checkpoints").glob(".part-*"))  # nothing is left on a full disk
    status = wait_until(trainer, lambda later: later.saved.step > status.step)
    assert load_checkpoint(status.saved.path).digest == status.saved.digest
    wait_until(trainer, lambda later: not later.warning)
