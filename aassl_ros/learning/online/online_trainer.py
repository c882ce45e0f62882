"""Training while frames arrive: a thread trains on the replay buffer, with the same `Learner.step` as offline."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.errors import AasslError, ConfigError, DataError
from aassl_ros.learning.batches.live_batches import LiveBatches
from aassl_ros.learning.checkpoints.checkpoint import FACTS, Checkpoint, Provenance
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.measures.rankme import rankme
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.online.depth import Depth, choose_depth
from aassl_ros.learning.online.settings import OnlineSettings, frame_size, resolve
from aassl_ros.learning.online.status import OnlineStatus, Saved
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner, Losses
from aassl_ros.learning.training.run_log import LOG, RunLog
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

# How often a waiting thread checks for the end of its pause or a stop, and for enough frames, s.
_POLL_S, _LOOK_S = 0.05, 0.5
_LOG_EVERY_S = 1.0
_RATE_WEIGHT = 0.1  # of the newest update in the moving average of the rate


class Experience(Protocol):
    """The source of training data; learning/online/buffer_filler.py fills it while the trainer reads."""

    @property
    def buffer(self) -> ReplayBuffer | None: ...
    @property
    def instances(self) -> frozenset[str]: ...


class OnlineTrainer:
    """Owns the learner and trains it in a thread.

    Call `start` with an experience that is being filled, read `status` from any thread, and call `stop` at the end.
    """

    def __init__(
        self,
        settings: OnlineSettings,
        learner_settings: LearnerSettings,
        *,
        sets: tuple[str, ...],
        start: Checkpoint | None = None,
        replay: PreparedData | None = None,
    ) -> None:
        """start: checkpoint to resume from; its method, architecture and actions are used, and not those of
        learner_settings. replay: prepared data to mix in; sets: its instance sets to use.

        Raises AasslError if run_dir cannot be written, or if checkpoint, data and settings do not fit each other.
        """
        self._settings = settings
        self._folder = _make_folder(Path(settings.run_dir).expanduser().resolve())
        self.learner_settings = resolve(learner_settings, settings, start, replay)
        known = None
        if start is not None and start.action_space is not None and start.normalisation is not None:
            known = (start.action_space, start.normalisation)
        self._batches = LiveBatches(
            self.learner_settings,
            known=known,
            replay=replay,
            replay_sets=sets,
            replay_fraction=settings.replay_fraction,
        )
        self._instances = {*self._batches.instances, *(start.instances if start else ())}
        self._fingerprint = start.provenance.data_fingerprint if start else replay.fingerprint if replay else ""
        self._frame_size = frame_size(settings, self.learner_settings, replay)
        self._depth: Depth | None = None
        self._learner = None if start is None else resume_learner(start, self.learner_settings)
        self._rng = np.random.default_rng((self.learner_settings.seed, start.step if start else 0))
        self._stopping, self._paused, self._save_asked = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = time.monotonic()
        self._waiting_for = "the first frame of an episode"
        self._error: str | None = None
        self._losses: Losses | None = None
        self._rate, self._saves = 0.0, 0
        self._rank: float | None = None
        # A run that resumes from another folder ends with its own checkpoint, even if it made no update.
        self._unsaved = start is not None and not start.path.is_relative_to(self._folder)
        self._saved: Saved | None = None

    @property
    def frame_size(self) -> int:
        """Side in pixels that the frames of the experience must have."""
        return self._frame_size

    @property
    def status(self) -> OnlineStatus:
        # The save first: whoever reads it then also reads of the training before it.
        saved, saves = self._saved, self._saves
        state, line = self._state()
        step = 0 if self._learner is None else self._learner.steps
        rate = self._rate if state == "learning" else 0.0
        images = 2 * self.learner_settings.batch * rate
        return OnlineStatus(state, line, step, self._losses, rate, images, saves, saved, self._depth, self._rank)

    def start(self, experience: Experience) -> None:
        """Start the thread. It trains as soon as the experience has enough frames."""
        self._thread = threading.Thread(target=self._run, args=(experience,), name="online trainer", daemon=True)
        self._thread.start()

    def pause(self, paused: bool) -> None:
        """Pause after the current update, or continue."""
        if paused:
            self._paused.set()
        else:
            self._paused.clear()

    def adjust(self, settings: OnlineSettings) -> None:
        """Use new values of the settings in ADJUSTABLE from now on; the other settings must not change."""
        self._settings = settings

    def request_save(self) -> bool:
        """Save after the current update; `status.saves` then counts up. Returns False if there is nothing to save.

        A trainer that resumes from a checkpoint can also save before its first update.
        """
        if self._learner is None or self._error is not None:
            return False
        self._save_asked.set()
        return True

    def stop(self) -> None:
        """Stop after the current update, save if there are unsaved updates, and wait for the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _state(self) -> tuple[str, str]:
        if self._error is not None:
            return "failed", self._error
        if self._stopping.is_set():
            return "stopped", "stopped"
        if self._paused.is_set():
            return "paused", "paused"
        if self._losses is None:
            return "waiting", f"waiting for {self._waiting_for}"
        return "learning", f"learning, loss {self._losses.total:.3f}"

    def _run(self, experience: Experience) -> None:
        torch.set_num_threads(self._settings.torch_threads)
        lower_priority(self._settings.nice)
        try:
            buffer = self._wait_for_frames(experience)
            if buffer is not None:
                self._learn(buffer, experience)
            if self._unsaved or self._save_asked.is_set():
                self._save(experience)
        except AasslError as error:
            kept = f" The last good checkpoint is {self._saved.path}." if self._saved else ""
            self._error = f"{error}{kept}"
        except Exception as error:  # the node must report it, and not continue with a dead thread
            self._error = f"training failed (a bug in aassl_ros): {type(error).__name__}: {error}"

    def _wait_for_frames(self, experience: Experience) -> ReplayBuffer | None:
        """Wait until the buffer has enough frames, and make the learner. Returns the buffer, None if stopped before."""
        while not self._stopping.is_set():
            if self._save_asked.is_set():
                self._save(experience)
            buffer = experience.buffer
            if buffer is not None and self._has_enough(buffer) and not self._paused.is_set():
                try:
                    if self._batches.needs_space:
                        self._batches.choose_space(buffer, self._rng)
                    self._batches.draw(buffer, self._rng)
                except DataError as error:
                    self._waiting_for = f"frames that pairs can be made of: {error}"
                else:
                    self._learner = self._learner or self._new_learner(buffer)
                    return buffer
            self._stopping.wait(_LOOK_S)
        return None

    def _new_learner(self, buffer: ReplayBuffer) -> Learner:
        batches, settings = self._batches, self._at_chosen_depth(self.learner_settings)
        self.learner_settings = settings
        same_action = SameAction.of(settings.same_action, batches.space, batches.normalisation)
        return Learner(settings, batches.action_dimension(buffer), same_action)

    def _at_chosen_depth(self, settings: LearnerSettings) -> LearnerSettings:
        """Freeze the layers that this machine is too slow to train, if the encoder starts from given weights."""
        if not settings.weights or settings.frozen_layers:
            return settings
        device, online = choose_device(settings.device), self._settings
        self._depth = choose_depth(
            online.trainable, settings, batch=settings.batch, step_seconds=online.step_seconds, device=device
        )
        return replace(settings, frozen_layers=self._depth.frozen)

    def _has_enough(self, buffer: ReplayBuffer) -> bool:
        frames = self._settings.min_frames
        if self._batches.needs_space:
            frames = max(frames, self._settings.normalisation_frames)
        if len(buffer) == buffer.capacity:
            return True  # a full buffer cannot get more frames
        self._waiting_for = (
            f"frames ({len(buffer)} of {min(frames, buffer.capacity)}) and episodes ({buffer.episode_count} of "
            f"{self._settings.min_episodes})"
        )
        return len(buffer) >= frames and buffer.episode_count >= self._settings.min_episodes

    def _learn(self, buffer: ReplayBuffer, experience: Experience) -> None:
        """Update, save and log until stopped."""
        assert self._learner is not None
        last_save, last_line = time.monotonic(), 0.0
        with RunLog(self._folder, self._learner.steps, tensorboard=False) as log:
            while not self._stopping.is_set():
                overdue = self._unsaved and time.monotonic() - last_save > self._settings.save_seconds
                if self._save_asked.is_set() or overdue:
                    self._save(experience)
                    last_save = time.monotonic()
                if self._paused.is_set():
                    self._stopping.wait(_POLL_S)
                    continue
                begun = time.monotonic()
                try:
                    batch = self._batches.draw(buffer, self._rng)
                except DataError as error:  # episodes were discarded, or states that actions need no longer arrive
                    self._losses, self._waiting_for = None, f"frames that pairs can be made of: {error}"
                    self._stopping.wait(_LOOK_S)
                    continue
                self._losses = self._learner.step(batch.first, batch.second, batch.action)
                self._unsaved = True
                self._rest(time.monotonic() - begun)
                newest = 1 / max(1e-6, time.monotonic() - begun)
                self._rate = newest if self._rate == 0 else (1 - _RATE_WEIGHT) * self._rate + _RATE_WEIGHT * newest
                if time.monotonic() - last_line > _LOG_EVERY_S:
                    last_line = time.monotonic()
                    self._rank = None if self._learner.features is None else rankme(self._learner.features)
                    log.write(self._log_line(self._learner.steps, self._losses, buffer))

    def _rest(self, worked_s: float) -> None:
        """Wait for as long as `duty` and `updates_per_second` ask."""
        begun = time.monotonic()
        # In short waits, because the settings may change meanwhile.
        while (left_s := begun + self._rest_s(worked_s) - time.monotonic()) > 0:
            if self._stopping.wait(min(left_s, _POLL_S)):
                return

    def _rest_s(self, worked_s: float) -> float:
        settings = self._settings
        rest_s = worked_s * (1 / settings.duty - 1)
        if settings.updates_per_second > 0:
            rest_s = max(rest_s, 1 / settings.updates_per_second - worked_s)
        return rest_s

    def _save(self, experience: Experience) -> None:
        """Write a checkpoint. Raises TrainingError if a weight is not finite."""
        assert self._learner is not None
        self._save_asked.clear()
        provenance = Provenance(
            self._batches.space,
            self._batches.normalisation,
            tuple(sorted(self._instances | experience.instances)),
            self._fingerprint,
        )
        path = save_checkpoint(
            self._folder, self._learner, provenance, trainer={"online": True}, keep=self._settings.keep
        )
        digest = json.loads((path / FACTS).read_text())["digest"]
        self._saved, self._unsaved = Saved(path, digest, self._learner.steps), False
        self._saves += 1

    def _log_line(self, step: int, losses: Losses, buffer: ReplayBuffer) -> dict[str, Any]:
        terms = {"loss": losses.total, "contrastive": losses.base}
        if losses.action is not None:
            terms["action"] = losses.action
        if self._rank is not None:
            terms["rankme"] = self._rank
        seconds, images = time.monotonic() - self._begun, 2 * self.learner_settings.batch * self._rate
        rates = {"images_per_s": round(images, 1), "frames": len(buffer), "episodes": buffer.episode_count}
        return {"step": step, "seconds": round(seconds, 3), **terms, **rates}


def _make_folder(run: Path) -> Path:
    try:
        run.mkdir(parents=True, exist_ok=True)
        with open(run / LOG, "a"):
            pass
    except OSError as error:
        raise ConfigError(f"run_dir {run} cannot be written ({error.strerror}). Choose another folder.") from error
    return run
