"""What a trainer node trains: a learner, the batches for it, and what its checkpoints say about their training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.live_batches import LiveBatches
from aassl_ros.learning.batches.pair_batches import Batch
from aassl_ros.learning.checkpoints.checkpoint import FACTS, Checkpoint, Provenance
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.backbone import warm_start
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.encoders.pretrained import read_weights
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.online.depth import Depth, check_layers, choose_depth
from aassl_ros.learning.online.memory import out_of_memory, smaller_parts
from aassl_ros.learning.online.settings import OnlineSettings, frame_size, resolve
from aassl_ros.learning.online.status import Saved
from aassl_ros.learning.optimization.adaptation import Adaptation
from aassl_ros.learning.optimization.optimizers import Schedule
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner, Losses
from aassl_ros.learning.training.run_log import LOG
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint


class LiveLearner:
    """Belongs to the training thread; other threads may read its attributes.

    Attributes:
        folder: the run, as an absolute path.
        settings: of the learner; `lr` and `encoder_lr` may be replaced at any time (see `use_changes`).
        learner: None until `make`, unless training resumes from a checkpoint.
        batches: where pairs are drawn.
        frame_size: side in pixels that the frames of the buffer must have.
        has_replay: if there are prepared data to mix in.
        depth: which layers are trained, if that was chosen.
        problem: why a changed setting is not used; empty: nothing.
        memory_problem: what was changed because an update did not fit into the memory; empty: nothing.
        unsaved: if there is something that no checkpoint of this run has.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        online: OnlineSettings,
        *,
        sets: tuple[str, ...],
        start: Checkpoint | None,
        replay: PreparedData | None,
    ) -> None:
        """For the arguments and errors, see OnlineTrainer."""
        self.folder = _make_folder(Path(online.run_dir).expanduser().resolve())
        self.settings = resolve(settings, online, start, replay)
        known = None
        if start is not None and len(start.action_spaces) > 1:
            raise ConfigError(
                f"checkpoint {start.path} has action heads of several robots, and online training has one. Start from "
                "its encoder alone: aassl export, then checkpoint: none and weights: FILE."
            )
        if start is not None and start.action_space is not None and start.normalisation is not None:
            known = (start.action_space, start.normalisation)
        self.batches = LiveBatches(
            self.settings,
            known=known,
            replay=replay,
            replay_sets=sets,
            replay_fraction=online.replay_fraction,
            device=choose_device(self.settings.device),
            on_device=online.buffer_on_device,
        )
        self._instances = set(start.instances if start else ())
        self._fingerprint = start.provenance.data_fingerprint if start else replay.fingerprint if replay else ""
        self.frame_size = frame_size(online, self.settings, replay)
        self.has_replay, self._replay_fraction = replay is not None, online.replay_fraction
        self.depth: Depth | None = None
        self.problem = self.memory_problem = ""
        self._schedule = Schedule(online.warmup_updates)
        self.learner = None if start is None else resume_learner(start, self.settings, self._schedule)
        if start is None:
            _check_encoder(self.settings, online)  # now, and not when the buffer is filled
        self._rng = np.random.default_rng((self.settings.seed, start.step if start else 0))
        # A run that resumes from another folder ends with its own checkpoint, even if it made no update.
        self.unsaved = start is not None and not start.path.is_relative_to(self.folder)

    @property
    def action(self) -> str:
        """The action space and how many frames have it; empty before the choice, and if the method uses no actions."""
        space, coverage = self.batches.space, self.batches.coverage
        return "" if space is None else f"{space}" if coverage is None else f"{space}, {coverage}"

    @property
    def warning(self) -> str:
        """What does not go as the settings ask; empty: nothing."""
        return self.problem or self.memory_problem or self.batches.copy_problem

    def make(self, buffer: ReplayBuffer, online: OnlineSettings) -> Learner:
        """Make the learner if there is none, with the action space that the buffer's frames have.

        Raises DataError if no batch can be drawn, AasslError if the settings do not fit.
        """
        known = not self.batches.needs_space
        if not known:
            self.batches.choose_space(buffer, self._rng)
        self.batches.draw(buffer, self._rng)
        if known:
            self.batches.cover(buffer)
        if self.learner is None:
            settings = self._at_chosen_depth(online)
            same_action = SameAction.of(settings.same_action, self.batches.space, self.batches.normalisation)
            dimension = self.batches.action_dimension(buffer)
            self.learner = Learner(settings, dimension, same_action, schedule=self._schedule)
        return self.learner

    def draw(self, buffer: ReplayBuffer) -> Batch:
        """Draw the next batch. Raises DataError if the buffer has too few pairs."""
        return self.batches.draw(buffer, self._rng)

    def update(self, batch: Batch) -> Losses:
        """Make one update. If it does not fit into the memory, it is computed in smaller parts from now on.

        Raises TrainingError if the loss is not finite, or if not even the smallest parts fit.
        """
        assert self.learner is not None
        while True:
            try:
                return self.learner.step(batch.first, batch.second, batch.action)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                self.settings, self.memory_problem = smaller_parts(self.settings, error)
            # After the except block: until then the error holds the tensors of the failed update.
            self.learner.settings = replace(self.learner.settings, accumulate=self.settings.accumulate)
            self.learner.optimizer.zero_grad(set_to_none=True)
            if self.learner.device.type == "cuda":
                torch.cuda.empty_cache()

    def use_changes(self, replay_fraction: float) -> None:
        """Use settings that were changed since the last update: learning rates, and the share of prepared data."""
        assert self.learner is not None
        wanted, used = self.settings, self.learner.settings
        if (wanted.lr, wanted.encoder_lr) != (used.lr, used.encoder_lr):
            self.learner.set_learning_rates(wanted.lr, wanted.encoder_lr)
        if replay_fraction != self._replay_fraction:
            self._replay_fraction, self.problem = replay_fraction, ""
            try:
                self.batches.mix(replay_fraction)
            except (ConfigError, DataError) as error:
                self.problem = f"replay_fraction = {replay_fraction:g} is not used: {error}"

    def save(self, instances: frozenset[str], keep: int) -> Saved:
        """Write a checkpoint. instances: objects of the frames that were kept.

        Raises TrainingError if a weight is not finite, CheckpointError if it cannot be written.
        """
        assert self.learner is not None
        provenance = Provenance(
            self.batches.space,
            self.batches.normalisation,
            tuple(sorted({*self._instances, *self.batches.instances, *instances})),
            self._fingerprint,
        )
        coverage = self.batches.coverage
        trainer = {"online": True, "action": None if coverage is None else coverage.to_json()}
        path = save_checkpoint(self.folder, self.learner, provenance, trainer=trainer, keep=keep)
        self.unsaved = False
        return Saved(path, json.loads((path / FACTS).read_text())["digest"], self.learner.steps)

    def _at_chosen_depth(self, online: OnlineSettings) -> LearnerSettings:
        """Freeze the layers that this machine is too slow to train, if the encoder starts from given weights."""
        settings = self.settings
        if settings.weights and not settings.frozen_layers:
            device = choose_device(settings.device)
            self.depth = choose_depth(
                online.trainable, settings, batch=settings.batch, step_seconds=online.step_seconds, device=device
            )
            self.settings = replace(self.settings, frozen_layers=self.depth.frozen)
        return self.settings


def _check_encoder(settings: LearnerSettings, online: OnlineSettings) -> None:
    """Build the encoder and read its weights. Raises ConfigError or CheckpointError if it cannot be trained so."""
    with torch.random.fork_rng(devices=[]):
        encoder = build_encoder(settings)
    if settings.weights:
        file = read_weights(settings.weights, settings.encoder, settings.image_size)
        warm_start(encoder, file, settings, settings.pixel_statistics)
        if not settings.frozen_layers:
            check_layers(online.trainable, len(encoder.layers()))
    Adaptation(replace(settings, stay_close=0.0, distillation=0.0), encoder)


def _make_folder(run: Path) -> Path:
    try:
        run.mkdir(parents=True, exist_ok=True)
        with open(run / LOG, "a"):
            pass
    except OSError as error:
        raise ConfigError(f"run_dir {run} cannot be written ({error.strerror}). Choose another folder.") from error
    return run
