"""Training over prepared data: epochs, log and checkpoints. A resumed run continues on exactly the same loss curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, ConfigError, TrainingError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, Provenance
from aassl_ros.learning.distributed.process_group import (
    any_rank,
    check_same,
    fail_together,
    naming_a_lost_rank,
    on_rank_zero,
)
from aassl_ros.learning.distributed.ranks import gather_rows, own_rank
from aassl_ros.learning.optimization.optimizers import Schedule
from aassl_ros.learning.training.collapse import check_collapse
from aassl_ros.learning.training.early_stop import BEST, EarlyStop
from aassl_ros.learning.training.held_out import held_out_instances
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.new_learner import new_learner
from aassl_ros.learning.training.other_data import is_other_data
from aassl_ros.learning.training.reports import TrainProgress, TrainReport
from aassl_ros.learning.training.run_log import RunLog, check_tensorboard
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint
from aassl_ros.learning.training.settings import NEVER, TrainSettings
from aassl_ros.learning.training.training_probe import TrainingProbe
from aassl_ros.learning.training.warmup import check_warmup, warmup_steps

_RATE_WEIGHT = 0.1  # of the newest step in the moving average of the rate
_SPREAD_EVERY = 1000  # updates between checks for collapse, if an epoch has more


class Trainer:
    """Trains one run on prepared data; writes RUN/checkpoint, and RUN/log.jsonl with a line for each update."""

    def __init__(
        self,
        data: PreparedData,
        run: Path,
        settings: TrainSettings,
        checkpoint: Checkpoint | None = None,
        *,
        add_data: bool = False,
    ) -> None:
        """checkpoint: the one to resume from; settings must then be those that `resume` returns. add_data: the data may
        be others than those of the checkpoint; new action spaces get new heads.

        Raises ConfigError, DataError or CheckpointError if data, settings and checkpoint do not fit each other.
        """
        self._run = run
        self._settings = replace(settings, image_size=settings.image_size or data.image_size)
        check_warmup(settings)
        if settings.tensorboard:
            check_tensorboard()
        held_out = held_out_instances(data, self._settings)
        heads = () if checkpoint is None else checkpoint.action_spaces
        self._other_data = checkpoint is not None and is_other_data(checkpoint, data, self._settings, add_data=add_data)
        known = heads[0] if len(heads) == 1 and not self._other_data else None
        self._batches = PairBatches(
            data,
            self._settings,
            self._settings.sets,
            known,
            without_instances=held_out.all,
            controls=self._settings,
            shards=self._settings.shards,
            heads=heads,
        )
        self._provenance = Provenance.of_spaces(self._batches.spaces, self._batches.instances, data.fingerprint)
        self._rng, self._finished = np.random.default_rng(self._settings.seed), False
        self._stopper: EarlyStop | None = None
        if settings.early_stop != NEVER:
            places = settings.sets, settings.window
            self._stopper = EarlyStop(self._settings, data, self._batches, held_out, *places)
        self._epoch, self._batch, self._seconds_before = 0, 0, 0.0
        self.learner = self._make_learner(checkpoint)
        if checkpoint is not None:
            self._restore(checkpoint)
        if self._stopper is not None:
            self._stopper.check_method(self.learner)
        self._probe: TrainingProbe | None = None
        if settings.probe_every > 0 and own_rank() == 0:
            self._probe = TrainingProbe(data, self.learner.augmentation.plain, self.learner.device)
        self._probe_interval = max(1, round(settings.probe_every * len(self._batches)))
        self._epoch_start = self._rng.bit_generator.state
        self._saved: Path | None = None if checkpoint is None else checkpoint.path
        self._saved_step, self._warned = self.learner.steps, False

    def _make_learner(self, checkpoint: Checkpoint | None) -> Learner:
        settings, batches = self._settings, self._batches
        warmup = warmup_steps(settings, len(batches), self.total_steps)
        schedule = Schedule(warmup, self.total_steps if settings.schedule == "cosine" else 0)
        if checkpoint is not None:
            return resume_learner(checkpoint, settings, schedule, batches.spaces)
        return new_learner(settings, batches, schedule)

    @property
    def action(self) -> str:
        """The action spaces and their components, for messages; empty if the method uses no actions."""
        spaces = self._batches.spaces
        return " and ".join(map(str, spaces)) + (", with a head each" if len(spaces) > 1 else "")

    @property
    def action_coverage(self) -> str:
        """How many frames have the action, and if it was chosen automatically; empty if the method uses no actions."""
        return "" if self._batches.coverage is None else str(self._batches.coverage)

    @property
    def window_note(self) -> str:
        """Which frames have no partner within the window; empty if all have one. It may take a second to find."""
        return self._batches.window_note

    @property
    def total_steps(self) -> int:
        return self._settings.updates or self._settings.epochs * len(self._batches)

    @property
    def finished(self) -> bool:
        """If there is nothing left to train: all updates were made, or the run was stopped early."""
        return self._finished or self.learner.steps >= self.total_steps

    def train(self, show: Callable[[TrainProgress], None], stop: Callable[[], bool]) -> TrainReport:
        """Train for the remaining epochs, then save.

        show: called after each update. stop: called after each update; if it returns true, save and return.
        Raises TrainingError if the loss is not finite, CheckpointError if a file cannot be written.
        """
        if self._settings.torch_threads:
            torch.set_num_threads(self._settings.torch_threads)
        self._begun = last_save = time.monotonic()
        losses, interrupted = None, False
        with fail_together():
            tensorboard = self._settings.tensorboard
            log = RunLog(self._run, self.learner.steps, tensorboard=tensorboard) if own_rank() == 0 else None
        with log or nullcontext():
            for progress in self._updates():
                losses = progress.losses
                if log is not None:
                    log.write(self._log_line(progress))
                show(progress)
                interrupted, save = self._any_rank(stop(), time.monotonic() - last_save > self._settings.save_every_s)
                if interrupted:
                    break
                if save:
                    self._save()
                    last_save = time.monotonic()
                if self._stopper is not None and self._stopper.exhausted:
                    break
        done = not interrupted or self.learner.steps >= self.total_steps
        if done and self._stopper is not None and not self._finished:
            self._return_to_best(self._stopper)
        saved = self._save()
        return TrainReport(saved, self.learner.steps, self.total_steps, done, self._seconds(), losses)

    def _updates(self) -> Iterator[TrainProgress]:
        """Make updates until the run is complete or its time is up."""
        rate = 0.0
        while not self.finished:
            for batch in self._batches.epoch(self._rng, self._batch):
                if self.learner.steps == self.total_steps or self._time_is_up():
                    return
                begun = time.monotonic()
                with self._naming_the_last_good(), naming_a_lost_rank():
                    losses = self.learner.step(batch.first, batch.second, batch.action, batch.target, batch.later)
                self._batch += 1
                newest = 2 * self._settings.batch / (time.monotonic() - begun)
                rate = newest if rate == 0 else (1 - _RATE_WEIGHT) * rate + _RATE_WEIGHT * newest
                place = self.learner.steps, self.total_steps, self._epoch + 1
                yield TrainProgress(*place, losses, rate, self._seconds(), *self._look())
            self._epoch, self._batch = self._epoch + 1, 0
            self._epoch_start = self._rng.bit_generator.state

    def _look(self) -> tuple[dict[str, float], str]:
        """Take the measures that are due; returns them, and once per run a warning if the features collapse."""
        measures, warning = {}, ""
        ends = self._batch == len(self._batches) or self.learner.steps == self.total_steps
        if (ends or self.learner.steps % _SPREAD_EVERY == 0) and self.learner.features is not None:
            with self._naming_the_last_good(), naming_a_lost_rank():
                features = gather_rows(self.learner.features)
            if own_rank() == 0:
                measures["rankme"], warning = check_collapse(features)
        if self._probe is not None and self.learner.steps % self._probe_interval == 0:
            measures |= self._probe(self.learner.evaluated_encoder)
        if self._stopper is not None and self._stopper.due(self.learner.steps):
            measures |= self._measure_to_stop(self._stopper)
        if self._warned:
            return measures, ""
        self._warned = warning != ""
        return measures, warning

    def _measure_to_stop(self, stopper: EarlyStop) -> dict[str, float]:
        """Measure the learner on every rank, which all get the same, and keep it if it is the best so far."""
        measured = stopper.measure(self.learner)
        if stopper.note(self.learner.steps, measured):
            self._write(self._run / BEST, 1)
            self._save()  # a run that is resumed must know it
        return {f"early_stop_{self._settings.early_stop}": measured}

    def _return_to_best(self, stopper: EarlyStop) -> None:
        """Continue with the best encoder, which is then saved as the newest checkpoint of the run."""
        self._finished, self._saved = True, None
        best = stopper.load_best(self._run, self.learner.steps)
        if best is not None:
            self.learner.restore(best, self._settings)

    def _save(self) -> Path:
        """Write a checkpoint unless there is one of this step."""
        if self._saved is not None and self._saved_step == self.learner.steps:
            return self._saved
        self._saved = self._write(self._run, self._settings.keep)
        self._saved_step = self.learner.steps
        return self._saved

    def _write(self, run: Path, keep: int) -> Path:
        trainer = {
            "epoch": self._epoch,
            "batch": self._batch,
            "seconds": self._seconds(),
            "action": None if self._batches.coverage is None else self._batches.coverage.to_json(),
            "early_stop": None if self._stopper is None else self._stopper.to_json(),
            "finished": self._finished,
            "rng": self._epoch_start,  # numpy's generator at the start of the epoch: its pairs are drawn again
        }
        with self._naming_the_last_good():
            return on_rank_zero(
                lambda: save_checkpoint(run, self.learner, self._provenance, trainer=trainer, keep=keep)
            )

    @contextmanager
    def _naming_the_last_good(self) -> Iterator[None]:
        try:
            yield
        except TrainingError as error:
            kept = f"The last good checkpoint is {self._saved}." if self._saved else "No checkpoint was written before."
            named = type(error)(f"{error} {kept}")
            named.quiet = error.quiet
            raise named from error

    def _any_rank(self, *flags: bool) -> tuple[bool, ...]:
        with self._naming_the_last_good():
            return any_rank(*flags)

    def agree(self) -> None:
        """Raise ConfigError, on every rank, if ranks differ in data, settings or step. Call it before `train`."""
        settings = {f"the setting {name}": repr(value) for name, value in asdict(self._settings).items()}
        come_from = {"the step to continue from": str(self.learner.steps)}
        check_same({"the data's fingerprint": self._provenance.data_fingerprint, **settings, **come_from})

    def _restore(self, checkpoint: Checkpoint) -> None:
        try:
            self._epoch, self._batch = int(checkpoint.trainer["epoch"]), int(checkpoint.trainer["batch"])
            self._seconds_before = float(checkpoint.trainer["seconds"])
            self._rng.bit_generator.state = checkpoint.trainer["rng"]
            if self._other_data:  # the next epoch takes all frames; what stopped the run was measured on others
                self._batch = 0
                self._check_length()
                return
            self._finished = bool(checkpoint.trainer.get("finished", False))
            if self._stopper is not None:
                self._stopper.restore(checkpoint.trainer["early_stop"])
            if self._epoch < 0 or not 0 <= self._batch <= len(self._batches):
                raise ValueError(f"epoch {self._epoch}, batch {self._batch}")
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{checkpoint.path} was not written by aassl train: nothing to resume.") from error

    def _check_length(self) -> None:
        """Raise ConfigError if the run is too long already to train on other data."""
        if self.learner.steps >= self.total_steps:
            raise ConfigError(
                f"the run made {self.learner.steps} updates and ends at {self.total_steps}, so it would not be trained "
                "on the added data. Set more --epochs or --updates."
            )

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._begun

    def _time_is_up(self) -> bool:
        return self._settings.max_seconds > 0 and self._any_rank(self._seconds() >= self._settings.max_seconds)[0]

    def _log_line(self, progress: TrainProgress) -> dict[str, float]:
        losses = {"loss": progress.losses.total, "contrastive": progress.losses.base}
        if progress.losses.action is not None:
            losses["action"] = progress.losses.action
        position = {"step": progress.step, "epoch": progress.epoch, "seconds": round(self._seconds(), 3)}
        rates = {"lr": self.learner.lr, "images_per_s": round(progress.images_per_s, 1)}
        return {**position, **losses, **progress.measures, **rates}
