"""Training while frames arrive: a thread trains on the replay buffer, with the same `Learner.step` as offline."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Protocol

import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.errors import AasslError, CheckpointError, ConfigError, DataError
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.measures.rankme import rankme
from aassl_ros.learning.online.live_learner import LiveLearner
from aassl_ros.learning.online.live_probe import LiveProbe
from aassl_ros.learning.online.pace import POLL_S, Pace
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.online.status import OnlineStatus, Saved
from aassl_ros.learning.online.time_shares import DATA, FRAMES, SAVE, UPDATE
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner, Losses
from aassl_ros.learning.training.run_log import RunLog, check_tensorboard

# How often a waiting thread checks for enough frames, s.
_LOOK_S = 0.5
_LOG_EVERY_S = 1.0
_RATE_WEIGHT = 0.1  # of the newest update in the moving average of the rate


class Experience(Protocol):
    """The source of training data; learning/online/buffer_filler.py fills it while the trainer reads."""

    @property
    def buffer(self) -> ReplayBuffer | None: ...
    @property
    def instances(self) -> frozenset[str]: ...
    @property
    def problem(self) -> str: ...
    def save(self) -> None: ...
    def close(self) -> None: ...


class OnlineTrainer:
    """Owns the learner and trains it in a thread.

    Call `start` with an experience that is being filled, read `status` from any thread, and call `stop` at the end.
    pace: how fast it trains; its limiter decides which frames may be kept.
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
        if settings.tensorboard:
            check_tensorboard()
        self.pace = Pace(settings)
        self._live = LiveLearner(learner_settings, settings, sets=sets, start=start, replay=replay)
        self._stopping, self._paused, self._save_asked = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = time.monotonic()
        self._waiting_for = "the first frame of an episode"
        self._error: str | None = None
        self._save_problem = ""
        self._losses: Losses | None = None
        self._rate, self._saves = 0.0, 0
        self._rank: float | None = None
        self._probe: LiveProbe | None = None
        self._saved: Saved | None = None
        self._buffer_problem = ""

    @property
    def learner_settings(self) -> LearnerSettings:
        """The settings of the learner: those of the checkpoint if there is one."""
        return self._live.settings

    @property
    def _settings(self) -> OnlineSettings:
        return self.pace.settings

    @property
    def frame_size(self) -> int:
        """Side in pixels that the frames of the experience must have."""
        return self._live.frame_size

    @property
    def status(self) -> OnlineStatus:
        # The save first: whoever reads it then also reads of the training before it.
        saved, saves = self._saved, self._saves
        state, line = self._state()
        learner, live, probe = self._live.learner, self._live, self._probe
        probe_problem = "" if probe is None else probe.problem
        rate = self._rate if state == "learning" else 0.0
        behind = self.pace.behind or probe_problem
        return OnlineStatus(
            state,
            line,
            0 if learner is None else learner.steps,
            self._losses,
            rate,
            2 * self.learner_settings.batch * rate,
            saves,
            saved,
            live.depth,
            self._rank,
            live.settings.lr if learner is None else learner.lr,
            self.pace.limiter.ratio(),
            self.pace.shares.shares(),
            self._save_problem or live.warning or self._buffer_problem or behind,
            None if probe is None else probe.result,
            live.action,
        )

    @property
    def failed(self) -> bool:
        return self._error is not None

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

    def adjust(self, settings: OnlineSettings, *, lr: float | None = None, encoder_lr: float | None = None) -> None:
        """Use new values of the settings in ADJUSTABLE from the next update on; the other settings must not change.

        lr, encoder_lr: new learning rates; None: as before.

        Raises ConfigError, and changes nothing, if a value would have no effect.
        """
        now = self._live.settings
        if settings.replay_fraction != self._settings.replay_fraction and not self._live.has_replay:
            raise ConfigError("replay_fraction has no effect without replay_data.")
        if encoder_lr is not None and not (encoder_lr and now.encoder_lr):
            why = "it cannot be switched off" if now.encoder_lr else "the whole encoder is trained with lr: set that"
            raise ConfigError(f"encoder_lr = {encoder_lr:g}, but {why}.")
        self.pace.adjust(settings)
        self._live.settings = replace(
            now, lr=now.lr if lr is None else lr, encoder_lr=now.encoder_lr if encoder_lr is None else encoder_lr
        )

    def request_save(self) -> bool:
        """Save after the current update; `status.saves` then counts up. Returns False if there is nothing to save.

        A trainer that resumes from a checkpoint can also save before its first update.
        """
        if self._live.learner is None or self._error is not None:
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
        if waiting := self.pace.waiting:
            return "waiting", f"waiting for {waiting}"
        return "learning", f"learning, loss {self._losses.total:.3f}"

    def _run(self, experience: Experience) -> None:
        torch.set_num_threads(self._settings.torch_threads)
        lower_priority(self._settings.nice)
        try:
            buffer = self._wait_for_frames(experience)
            if buffer is not None and self._live.learner is not None:
                self._learn(buffer, self._live.learner, experience)
            if self._live.unsaved or self._save_asked.is_set():
                self._save(experience)
        except AasslError as error:
            kept = f" The last good checkpoint is {self._saved.path}." if self._saved else ""
            self._error = f"{error}{kept}"
        except Exception as error:  # the node must report it, and not continue with a dead thread
            self._error = f"training failed (a bug in aassl_ros): {type(error).__name__}: {error}"
        experience.close()

    def _wait_for_frames(self, experience: Experience) -> ReplayBuffer | None:
        """Wait until the buffer has enough frames, and make the learner. Returns the buffer, None if stopped before."""
        while not self._stopping.is_set():
            if self._save_asked.is_set():
                self._try_save(experience)
            buffer = experience.buffer
            if buffer is not None and self._has_enough(buffer) and not self._paused.is_set():
                try:
                    self._live.make(buffer, self._settings)
                except DataError as error:
                    self._waiting_for = f"frames that pairs can be made of: {error}"
                else:
                    return buffer
            self._stopping.wait(_LOOK_S)
        return None

    def _has_enough(self, buffer: ReplayBuffer) -> bool:
        frames = self._settings.min_frames
        if self._live.batches.needs_space:
            frames = max(frames, self._settings.normalisation_frames)
        if buffer.is_full:
            return True  # a full buffer cannot get more frames
        self._waiting_for = (
            f"frames ({len(buffer)} of {min(frames, buffer.capacity)}) and episodes ({buffer.episode_count} of "
            f"{self._settings.min_episodes})"
        )
        return len(buffer) >= frames and buffer.episode_count >= self._settings.min_episodes

    def _learn(self, buffer: ReplayBuffer, learner: Learner, experience: Experience) -> None:
        """Update, save and log until stopped."""
        pace, live = self.pace, self._live
        last_save, last_line, last_update = time.monotonic(), 0.0, time.monotonic()
        self._probe = probe = LiveProbe(learner.augmentation.plain, learner.device)
        with RunLog(live.folder, learner.steps, tensorboard=self._settings.tensorboard) as log:
            while not self._stopping.is_set():
                overdue = live.unsaved and time.monotonic() - last_save > self._settings.save_seconds
                if self._save_asked.is_set() or overdue:
                    self._try_save(experience)
                    last_save = time.monotonic()
                if self._paused.is_set():
                    pace.pause(self._stopping)
                    last_update = time.monotonic()
                    continue
                live.use_changes(self._settings.replay_fraction)
                pairs = live.batches.live_count
                if not pace.may_update(pairs, buffer.appended, len(buffer)):
                    self._stopping.wait(POLL_S)
                    continue
                begun = time.monotonic()
                pace.shares.begin(DATA)
                try:
                    batch = live.draw(buffer)
                except DataError as error:  # episodes were discarded, or states that actions need no longer arrive
                    self._losses, self._waiting_for = None, f"frames that pairs can be made of: {error}"
                    pace.shares.begin(FRAMES)
                    self._stopping.wait(_LOOK_S)
                    continue
                pace.shares.begin(UPDATE)
                self._losses = live.update(batch)
                live.unsaved = True
                pace.limiter.drew(pairs)
                pace.rest(time.monotonic() - begun, self._stopping)
                newest, last_update = 1 / max(1e-6, time.monotonic() - last_update), time.monotonic()
                self._rate = newest if self._rate == 0 else (1 - _RATE_WEIGHT) * self._rate + _RATE_WEIGHT * newest
                if time.monotonic() - last_line > _LOG_EVERY_S:
                    last_line = time.monotonic()
                    self._rank = None if learner.features is None else rankme(learner.features)
                    log.write(self._log_line(buffer))
                    probe.look(self._settings.probe_seconds, learner.evaluated_encoder, learner.steps, buffer)
        probe.stop()

    def _try_save(self, experience: Experience) -> None:
        """Save, and go on if the disk is full: earlier checkpoints are whole, and a later save may succeed."""
        try:
            self._save(experience)
        except CheckpointError as error:
            again_s = self._settings.save_seconds
            self._save_problem = f"{error} Training goes on, and saves again in {again_s:g} s."
            self._live.unsaved = True
        else:
            self._save_problem = ""

    def _save(self, experience: Experience) -> None:
        """Write a checkpoint. Raises TrainingError if a weight is not finite."""
        self.pace.shares.begin(SAVE)
        self._save_asked.clear()
        self._saved = self._live.save(experience.instances, self._settings.keep)
        self._saves += 1
        experience.save()
        self._buffer_problem = experience.problem

    def _log_line(self, buffer: ReplayBuffer) -> dict[str, float]:
        status = self.status
        seconds = {"step": status.step, "seconds": round(time.monotonic() - self._begun, 3)}
        return {**seconds, **status.metrics(), "frames": len(buffer), "episodes": buffer.episode_count}
