"""Early stop without labels: measures the encoder every few updates, and keeps the best one.

`rankme` is the effective rank of the features of a fixed sample of training frames (Garrido et al. 2023). `retrieval`
is the mean reciprocal rank of the true action among those of other pairs, on objects that are not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, ConfigError, DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.measures.rankme import rankme
from aassl_ros.learning.measures.retrieval import retrieve
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.readout.features import embed
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.training.held_out import HeldOut
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.settings import RETRIEVAL, EarlyStopSettings

BEST = "best"
"""Folder in RUN with the checkpoint of the best measure so far."""
_FRAMES, _PAIRS = 1024, 256
_SAME = 1e-2  # actions nearer than this, normalised, are the same


class EarlyStop:
    """Measures a learner and remembers the best measure.

    best: the best measure so far; best_step: the update after which it was taken; worse: measures since then.
    """

    def __init__(
        self, settings: EarlyStopSettings, data: PreparedData, batches: PairBatches, held_out: HeldOut,
        sets: tuple[str, ...], window: str,
    ) -> None:  # fmt: skip
        """Choose the frames or pairs to measure on, the same for the whole run.

        Raises ConfigError if the method or the held-out objects have no actions to retrieve.
        """
        self._settings, self._data, self._batches = settings, data, batches
        self.best, self.best_step, self.worse = -np.inf, 0, 0
        frames = data.indices(sets, without_instances=held_out.all)
        self._frames = frames[evenly_spaced(len(frames), _FRAMES)]
        if settings.early_stop == RETRIEVAL:
            self._draw_pairs(held_out.to_stop, sets, window)

    def due(self, step: int) -> bool:
        """If the learner must be measured after this update."""
        return step % self._settings.early_stop_every == 0

    def measure(self, learner: Learner) -> float:
        """Measure a learner. It has no effect on the training. Returns a number; higher is better."""
        by_actions = self._settings.early_stop == RETRIEVAL  # the heads were trained on f itself, not on its average
        copy = deepcopy(learner.encoder if by_actions else learner.evaluated_encoder)

        def features(frames: np.ndarray) -> torch.Tensor:
            return embed(copy, self._data.frames, frames, learner.augmentation.plain, device=learner.device)

        if not by_actions:
            return rankme(features(self._frames))
        parts = dict(learner.objective.items())
        term = deepcopy(parts.get("action")).eval()  # type: ignore[union-attr]  # checked when it was made
        assert isinstance(term, Alignment)
        action = self._actions.to(learner.device)
        with torch.no_grad():
            joint, embedded = term.embed(Pairs(features(self._first), features(self._second), action))
        same = torch.cdist(action, action, p=torch.inf) <= _SAME
        return retrieve(joint, embedded, same, torch.Generator().manual_seed(0)).mean_reciprocal_rank

    def note(self, step: int, measured: float) -> bool:
        """Remember a measure. Returns if it is the best so far."""
        if measured > self.best:
            self.best, self.best_step, self.worse = measured, step, 0
            return True
        self.worse += 1
        return False

    def load_best(self, run: Path, step: int) -> Checkpoint | None:
        """Load the best checkpoint of a run; None if the learner, after `step` updates, is the best one itself.

        Raises CheckpointError if it cannot be read, or is not of the best update that this run knows.
        """
        if self.best_step in (0, step):
            return None
        best = load_checkpoint(run / BEST)
        if best.step != self.best_step:  # of an interrupted part of the run, which was not repeated as it was
            raise CheckpointError(
                f"{run / BEST} is of update {best.step}, expected update {self.best_step}, the best one of this run. "
                "Train it again in another folder."
            )
        return best

    @property
    def exhausted(self) -> bool:
        """If so many measures were not better that the run should stop."""
        return self.worse >= self._settings.patience

    def check_method(self, learner: Learner) -> None:
        """Raise ConfigError if actions cannot be retrieved with the method."""
        if self._settings.early_stop == RETRIEVAL and not isinstance(
            dict(learner.objective.items()).get("action"), Alignment
        ):
            raise ConfigError(
                f"early_stop = {RETRIEVAL}, but {learner.settings.method} does not align actions with images. "
                "Use rankme, or a method such as aa_simclr."
            )

    def to_json(self) -> dict[str, Any]:
        """The state, for a checkpoint."""
        return {"best": float(self.best), "best_step": self.best_step, "worse": self.worse}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Restore what `to_json` returned. Raises KeyError, TypeError or ValueError for something else."""
        self.best, self.best_step = float(values["best"]), int(values["best_step"])
        self.worse = int(values["worse"])

    def _draw_pairs(self, held_out: tuple[str, ...], sets: tuple[str, ...], window: str) -> None:
        space, normalisation = self._batches.space, self._batches.normalisation
        if len(self._batches.spaces) > 1:
            raise ConfigError(f"early_stop = {RETRIEVAL}, but the data have several action spaces. Use rankme.")
        if space is None or normalisation is None:
            raise ConfigError(f"early_stop = {RETRIEVAL}, but the method uses no actions. Use rankme.")
        rest = tuple(name for name in self._data.instances(sets) if name not in held_out)
        frames = self._data.indices(sets, without_instances=rest)
        try:
            sampler = PairSampler(self._data, frames[space.usable(self._data)[frames]], parse_window(window))
        except DataError as error:
            raise ConfigError(f"early_stop = {RETRIEVAL}: on the held-out objects, {error} Use rankme.") from error
        rng = np.random.default_rng(0)
        self._first = rng.permutation(sampler.anchors)[:_PAIRS]
        self._second = sampler.partners(self._first, rng)
        displaced = space.displacement(self._data, self._first, self._second)
        self._actions = torch.from_numpy(normalisation(displaced))
