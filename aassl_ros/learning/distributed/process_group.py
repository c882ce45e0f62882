"""Data-parallel training in several processes of torchrun: connect, check settings, share gradients, report failures.

Each process is a rank (ranks.py). All make the same calls in the same order; rank 0 writes the log and checkpoints.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import aassl_ros
from aassl_ros.errors import AasslError, ConfigError, TrainingError, first_line
from aassl_ros.learning.distributed.ranks import own_rank, rank_count

T = TypeVar("T")

_COUNTS = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
_WORDS = (*_COUNTS, "MASTER_ADDR", "MASTER_PORT")
"""Environment variables that torchrun sets for each process."""


class LostRankError(TrainingError):
    """Another process of this training has ended or hangs."""


@contextmanager
def joined_ranks(timeout_s: float) -> Iterator[None]:
    """Connect this process to the others that torchrun started; without torchrun, or alone, nothing changes.

    timeout_s: how long a process waits for the others, here and in every later exchange.
    Raises ConfigError if environment variables are missing or processes run different code, TrainingError if the other
    processes do not connect.
    """
    if not started_by_torchrun(os.environ):
        yield
        return
    # An optimizer imports this module, which keeps a reference to the process group that exists at its import. The
    # group's threads would then outlive the group and sometimes abort the program at exit. See _let_go, too.
    importlib.import_module("torch._dynamo")
    # Messages go over gloo, so that a process that computes on a GPU can exchange them without waiting for the GPU.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        distributed.init_process_group(backend, timeout=timedelta(seconds=timeout_s))
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} did not connect to the others at "
            f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']} within {timeout_s:g} s ({_in_short(error)}). "
            "Start all of them with the same torchrun command, and check that this address can be reached."
        ) from error
    failure: BaseException | None = None
    try:
        check_same({"the code of aassl_ros": code_digest(), "torch": torch.__version__})
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        alone = isinstance(failure, LostRankError) or not isinstance(failure, (AasslError, type(None)))
        # gloo must be shut down before the program ends. NCCL is not, if others are gone: it would wait for them.
        if backend == "gloo" or not alone:
            _let_go(failure)
            distributed.destroy_process_group()


def started_by_torchrun(environment: Mapping[str, str]) -> bool:
    """If there are other processes to connect to. Raises ConfigError if environment variables are missing or wrong."""
    if not any(word in environment for word in _COUNTS) or environment.get("WORLD_SIZE") == "1":
        return False
    remedy = "Start several processes with torchrun, or unset RANK, WORLD_SIZE and LOCAL_RANK to train in one."
    missing = [word for word in _WORDS if not environment.get(word)]
    if missing:
        found = ", ".join(f"{word} = {environment[word]}" for word in _WORDS if environment.get(word))
        raise ConfigError(f"the environment has {found}, but no {' and no '.join(missing)}. {remedy}")
    wrong = [word for word in (*_COUNTS, "MASTER_PORT") if not environment[word].isdecimal()]
    if wrong or not int(environment["RANK"]) < int(environment["WORLD_SIZE"]):
        found = ", ".join(f"{word} = {environment[word]}" for word in _WORDS)
        raise ConfigError(f"the environment has {found}, expected whole numbers, RANK below WORLD_SIZE. {remedy}")
    return True


def take_own_gpu(device: str) -> None:
    """Make `cuda` a GPU that no other process of this machine uses, if the setting `device` asks for GPUs.

    Raises ConfigError if there are too few GPUs.
    """
    if rank_count() > 1 and torch.cuda.is_available():
        index = own_gpu(device, int(os.environ.get("LOCAL_RANK", own_rank())), torch.cuda.device_count())
        if index is not None:
            torch.cuda.set_device(index)


def own_gpu(device: str, local_rank: int, gpus: int) -> int | None:
    """Return the number of the GPU for process `local_rank` of a machine with `gpus` GPUs, None for the CPU.

    Raises ConfigError if there are too few GPUs, or if `device` names one of them.
    """
    if device == "cpu":
        return None
    if device not in ("auto", "cuda"):
        raise ConfigError(f"device = {device!r}, but each process needs a GPU of its own. Set device to cuda or auto.")
    if local_rank >= gpus:
        raise ConfigError(
            f"this machine has {gpus} GPUs for {local_rank + 1} processes or more. "
            f"Start {gpus} (torchrun --nproc-per-node {gpus}), or set device to cpu."
        )
    return local_rank


def wrap_ddp(module: nn.Module) -> nn.Module:
    """Wrap `module` so that its gradients are averaged over all ranks; without other ranks, return `module` itself."""
    if rank_count() == 1:
        return module
    together = DistributedDataParallel(module, gradient_as_bucket_view=True)
    # Synchronised batch norm keeps the buffers of all ranks equal, so they need not be broadcast. (The constructor's
    # argument of this name has another meaning since torch 2.13.)
    together.broadcast_buffers = False
    return together


def share_gradients(module: nn.Module, now: bool) -> None:
    """Set whether the next backward pass through `module` shares its gradients, or a later pass shares them."""
    if isinstance(module, DistributedDataParallel):
        module.require_backward_grad_sync = now


def check_same(facts: Mapping[str, str]) -> None:
    """Raise ConfigError, on every rank, if ranks differ in a fact. facts: {what it is: its value}."""
    if rank_count() == 1:
        return
    first, *others = _exchange(dict(facts))
    for rank, other in enumerate(others, 1):
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise said_by_first(
                    ConfigError(
                        f"{name} is {other.get(name)} in process {rank} and {first.get(name)} in process 0. "
                        "Start all of them with the same command, code and data."
                    )
                )


def code_digest() -> str:
    """Return the first 12 digits of the SHA-256 of this package's source."""
    package, digest = Path(aassl_ros.__file__).parent, sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@contextmanager
def fail_together() -> Iterator[None]:
    """If a rank raises an AasslError in this context, raise one on all ranks. Ranks must not exchange data in it."""
    failure: AasslError | None = None
    try:
        yield
    except AasslError as error:
        failure = error
    if rank_count() > 1:
        said = _exchange(None if failure is None else str(failure))
        if failure is not None and str(failure) == said[0]:
            failure = said_by_first(failure)
        failed = next((rank for rank, message in enumerate(said) if message is not None), None)
        if failure is None and failed is not None:
            failure = TrainingError(f"process {failed} cannot start: {said[failed]}")
    if failure is not None:
        raise failure


def on_rank_zero(work: Callable[[], T]) -> T:
    """Call `work` on rank 0 only, and return its result, or raise its AasslError, on all ranks."""
    if rank_count() == 1:
        return work()
    done: list[Any] = [None, None]
    if own_rank() == 0:
        try:
            done[0] = work()
        except AasslError as error:
            done[1] = error
    with naming_a_lost_rank():
        distributed.broadcast_object_list(done)
    if done[1] is not None:
        raise said_by_first(done[1])
    return done[0]


def any_rank(*flags: bool) -> tuple[bool, ...]:
    """Return for each flag whether it is true on any rank.

    Ranks must use it for decisions that depend on the clock or on a signal, so that all decide the same.
    """
    if rank_count() == 1:
        return flags
    raised = torch.tensor(flags, dtype=torch.uint8)
    with naming_a_lost_rank():
        distributed.all_reduce(raised, distributed.ReduceOp.MAX)
    return tuple(bool(flag) for flag in raised.tolist())


@contextmanager
def naming_a_lost_rank() -> Iterator[None]:
    """Raise LostRankError if an exchange with other ranks fails because one has ended or hangs."""
    try:
        yield
    except TrainingError as error:  # about the numbers, which are the same on all ranks
        raise said_by_first(error) from error.__cause__
    except RuntimeError as error:
        if rank_count() == 1 or not _of_an_exchange(error):
            raise
        raise LostRankError(
            f"process {own_rank()} of {rank_count()} lost another one, which has ended or hangs "
            f"({_in_short(error)}). See its messages, fix the cause, and continue with --resume."
        ) from error


def said_by_first(error: AasslError) -> AasslError:
    """Mark an error that all ranks have, so that only rank 0 prints it."""
    error.quiet = own_rank() != 0
    return error


def _exchange(value: T) -> list[T]:
    """Exchange a value with all ranks; returns the values in order of rank."""
    values: list[Any] = [None] * rank_count()
    with naming_a_lost_rank():
        distributed.all_gather_object(values, value)
    return values


def _let_go(failure: BaseException | None) -> None:
    """Free what still refers to the process group: a learner's DDP, in cycles or in the frames of `failure`."""
    while failure is not None:
        traceback.clear_frames(failure.__traceback__)
        failure = failure.__cause__ or failure.__context__
    gc.collect()


def _of_an_exchange(error: RuntimeError) -> bool:
    named = re.search(r"gloo|nccl|process ?group|connection (closed|reset)|timed? ?out", str(error), re.IGNORECASE)
    return isinstance(error, distributed.DistError) or named is not None


def _in_short(error: Exception) -> str:
    """Return the first line of torch's message, without the source file that most messages begin with."""
    return re.sub(r"^\[\S+:\d+\]\s*", "", first_line(error))
