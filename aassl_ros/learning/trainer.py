"""Training over prepared data: epochs, log, checkpoints, and going on after an interruption on the very same curve."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aassl_ros.data.prepared import PreparedData, validation_instances
from aassl_ros.errors import AasslError, CheckpointError, ConfigError, TrainingError
from aassl_ros.learning.batches import PairBatches
from aassl_ros.learning.checkpoint import LINK, Checkpoint, Provenance, load_checkpoint, save_checkpoint
from aassl_ros.learning.distributed import all_or_none, any_rank, by_first_rank, check_same, naming_a_lost_rank
from aassl_ros.learning.ranks import own_rank
from aassl_ros.learning.same_action import SameAction
from aassl_ros.learning.train_settings import RESUMABLE, TrainSettings
from aassl_ros.learning.update import Learner, Losses

LOG = "log.jsonl"
_RATE_WEIGHT = 0.1  # of the newest step in the rate shown


@dataclass(frozen=True)
class TrainProgress:
    """After an update: images_per_s counts both images of each pair; seconds as max_seconds counts them."""

    step: int
    total_steps: int
    epoch: int
    losses: Losses
    images_per_s: float
    seconds: float


@dataclass(frozen=True)
class TrainReport:
    """How a run ended: done (all epochs, or time is up) or interrupted; `losses` None where nothing was left to do."""

    checkpoint: Path
    step: int
    total_steps: int
    done: bool
    seconds: float
    losses: Losses | None


class Trainer:
    """One run: prepared data to RUN/checkpoint and RUN/log.jsonl, a line for each update."""

    def __init__(
        self, data: PreparedData, run: Path, settings: TrainSettings, checkpoint: Checkpoint | None = None
    ) -> None:
        """checkpoint: the one to go on from; settings must then be what `resume` returns.

        Raises ConfigError, DataError or CheckpointError where data, settings and checkpoint do not fit each other.
        """
        self._run = run
        self._settings = replace(settings, image_size=settings.image_size or data.image_size)
        known = None
        if checkpoint is not None:
            if checkpoint.provenance.data_fingerprint != data.fingerprint:
                raise CheckpointError(f"{checkpoint.path} was trained on other data than {data.path}. Start a new run.")
            if checkpoint.action_space is not None and checkpoint.normalisation is not None:
                known = (checkpoint.action_space, checkpoint.normalisation)
        self._batches = PairBatches(
            data,
            self._settings,
            self._settings.sets,
            known,
            without_instances=_left_out(data, self._settings),
            controls=self._settings,
        )
        self._provenance = Provenance(
            self._batches.space, self._batches.normalisation, self._batches.instances, data.fingerprint
        )
        self._rng = np.random.default_rng(self._settings.seed)
        self._epoch, self._batch, self._seconds_before = 0, 0, 0.0
        if checkpoint is None:
            same = SameAction.of(settings.same_action, self._batches.space, self._batches.normalisation)
            self.learner = Learner(self._settings, self._batches.action_dimension, same, self._batches.categories)
        else:
            self.learner = Learner.from_checkpoint(checkpoint, self._settings)
            self._restore(checkpoint)
        self._epoch_start = self._rng.bit_generator.state
        self._saved: Path | None = None if checkpoint is None else checkpoint.path
        self._saved_step = self.learner.steps

    @property
    def total_steps(self) -> int:
        return self._settings.epochs * len(self._batches)

    def train(self, show: Callable[[TrainProgress], None], stop: Callable[[], bool]) -> TrainReport:
        """Go through the epochs that are left. show is called after each update; once stop() is true, save and return.

        Raises TrainingError where the loss is no longer a number, CheckpointError where nothing can be written.
        """
        if self._settings.torch_threads:
            torch.set_num_threads(self._settings.torch_threads)
        self._begun = last_save = time.monotonic()
        losses, interrupted = None, False
        check_same(self._facts())
        with all_or_none():
            log = _open_log(self._run, self.learner.steps) if own_rank() == 0 else None
        with log or nullcontext():
            for progress in self._updates():
                losses = progress.losses
                if log is not None:
                    log.write(json.dumps(self._log_line(progress)) + "\n")
                show(progress)
                interrupted, save = self._any_rank(stop(), time.monotonic() - last_save > self._settings.save_every_s)
                if interrupted:
                    break
                if save:
                    self._save()
                    last_save = time.monotonic()
        saved = self._save()
        done = not interrupted or self.learner.steps >= self.total_steps
        return TrainReport(saved, self.learner.steps, self.total_steps, done, self._seconds(), losses)

    def _updates(self) -> Iterator[TrainProgress]:
        """Updates until the epochs or the time are over."""
        rate = 0.0
        while self._epoch < self._settings.epochs:
            for batch in self._batches.epoch(self._rng, self._batch):
                if self._time_is_up():
                    return
                begun = time.monotonic()
                with self._naming_the_last_good(), naming_a_lost_rank():
                    losses = self.learner.step(batch.first, batch.second, batch.action, batch.target)
                self._batch += 1
                newest = 2 * self._settings.batch / (time.monotonic() - begun)
                rate = newest if rate == 0 else (1 - _RATE_WEIGHT) * rate + _RATE_WEIGHT * newest
                yield TrainProgress(
                    self.learner.steps, self.total_steps, self._epoch + 1, losses, rate, self._seconds()
                )
            self._epoch, self._batch = self._epoch + 1, 0
            self._epoch_start = self._rng.bit_generator.state

    def _save(self) -> Path:
        """Write a checkpoint unless that of this very step is there."""
        if self._saved is not None and self._saved_step == self.learner.steps:
            return self._saved
        trainer = {
            "epoch": self._epoch,
            "batch": self._batch,
            "seconds": self._seconds(),
            "rng": self._epoch_start,  # numpy's generator as the epoch began: its pairs are drawn again
        }
        with self._naming_the_last_good():
            self._saved = by_first_rank(
                lambda: save_checkpoint(
                    self._run, self.learner, self._provenance, trainer=trainer, keep=self._settings.keep
                )
            )
        self._saved_step = self.learner.steps
        return self._saved

    @contextmanager
    def _naming_the_last_good(self) -> Iterator[None]:
        try:
            yield
        except TrainingError as error:
            kept = f"The last good checkpoint is {self._saved}." if self._saved else "No checkpoint was written before."
            named = TrainingError(f"{error} {kept}")
            named.quiet = error.quiet
            raise named from error

    def _any_rank(self, *flags: bool) -> tuple[bool, ...]:
        with self._naming_the_last_good():
            return any_rank(*flags)

    def _facts(self) -> dict[str, str]:
        """What all ranks must have in common."""
        settings = {f"the setting {name}": repr(value) for name, value in asdict(self._settings).items()}
        come_from = {"the checkpoint to go on from": str(self._saved_step)}
        return {"the data's fingerprint": self._provenance.data_fingerprint, **settings, **come_from}

    def _restore(self, checkpoint: Checkpoint) -> None:
        try:
            self._epoch, self._batch = int(checkpoint.trainer["epoch"]), int(checkpoint.trainer["batch"])
            self._seconds_before = float(checkpoint.trainer["seconds"])
            self._rng.bit_generator.state = checkpoint.trainer["rng"]
            if self._epoch < 0 or not 0 <= self._batch <= len(self._batches):
                raise ValueError(f"epoch {self._epoch}, batch {self._batch}")
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{checkpoint.path} was not written by aassl train: nothing to resume.") from error

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._begun

    def _time_is_up(self) -> bool:
        return self._settings.max_seconds > 0 and self._any_rank(self._seconds() >= self._settings.max_seconds)[0]

    def _log_line(self, progress: TrainProgress) -> dict[str, Any]:
        losses = {"loss": progress.losses.total, "contrastive": progress.losses.contrastive}
        if progress.losses.action is not None:
            losses["action"] = progress.losses.action
        position = {"step": progress.step, "epoch": progress.epoch, "seconds": round(self._seconds(), 3)}
        return {**position, **losses, "images_per_s": round(progress.images_per_s, 1)}


def _left_out(data: PreparedData, settings: TrainSettings) -> tuple[str, ...]:
    """The objects that `aassl evaluate --split val` will ask for. Raises ConfigError where there are none to spare."""
    if not settings.validation:
        return ()
    names = validation_instances(data)
    if not names:
        raise ConfigError(
            f"validation = True, but no category of {data.path} has two objects in the set train. Leave it out."
        )
    return names


def begin(run: Path) -> None:
    """Make the folder of a new run. Raises ConfigError where it holds one already or cannot be written."""
    if os.path.lexists(run / LINK):
        raise ConfigError(f"{run} holds a run already. Go on with it by --resume, or choose another folder.")
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / LOG).write_text("")
    except OSError as error:
        raise ConfigError(f"{run} cannot be written ({error.strerror}). Choose another folder.") from error


def resume(run: Path, given: dict[str, Any], settings: TrainSettings) -> tuple[Checkpoint, TrainSettings]:
    """The newest checkpoint of a run, and its settings with those of `given` that may change on the way.

    given: what the user asked for by name; settings: the same as settings. Raises ConfigError where they would bend the
    run's curve, CheckpointError where there is no checkpoint to go on from.
    """
    checkpoint = load_checkpoint(run)
    begun = dict(checkpoint.config)
    for name in given:
        value = asdict(settings)[name]
        value = list(value) if isinstance(value, tuple) else value
        takes_the_datas = name == "image_size" and value == 0
        if name not in RESUMABLE and not takes_the_datas and begun.get(name) != value:
            raise ConfigError(
                f"{name} = {value!r}, but {run} was begun with {begun.get(name)!r}. Leave it out, or start a new run."
            )
    changed = {name: getattr(settings, name) for name in given if name in RESUMABLE}
    try:
        known = {name: tuple(value) if isinstance(value, list) else value for name, value in begun.items()}
        return checkpoint, TrainSettings(**{**known, **changed})
    except (TypeError, AasslError) as error:
        raise CheckpointError(f"{checkpoint.path} was not written by aassl train: nothing to resume.") from error


def _open_log(run: Path, steps: int) -> Any:
    """The log for appending, without what a killed run wrote after its last checkpoint, and without damaged lines.

    Raises CheckpointError where it cannot be written.
    """
    log = run / LOG
    part = run / f".{LOG}.part"
    try:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        part.write_text("".join(line + "\n" for line in lines if _step_of(line) <= steps))
        os.replace(part, log)
        return open(log, "a", buffering=1)
    except OSError as error:
        raise CheckpointError(f"{log} cannot be written: {error.strerror}. Free some room or mend {run}.") from error


def _step_of(line: str) -> float:
    """The step of a line of the log; of a damaged one, infinity."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
