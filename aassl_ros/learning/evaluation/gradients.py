"""Agreement of a method's two terms: the cosine of their gradients on train pairs, prepared as in training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.measures.gradients import gradient_cosine
from aassl_ros.learning.objectives.base import Pairs

if TYPE_CHECKING:
    from aassl_ros.learning.training.learner import Learner

_BATCHES, _PAIRS = 4, 256  # number of batches, and maximum number of pairs in each


def measure_gradients(
    learner: Learner,
    term: nn.Module | None,
    known: tuple[ActionSpace, Normalisation],
    data: PreparedData,
    left_out: tuple[str, ...],
    seed: int,
    notes: list[str],
) -> float | None:
    """Cosine of the gradients of both terms with respect to the features, the mean over a few batches of train pairs.

    term: the learner's action term. known: its action space and normalisation; left_out: train instances that must not
    be used.
    Returns None if the method has no action term. Returns None and adds a note if there are no pairs.
    """
    if term is None:
        return None
    settings = replace(learner.settings, batch=min(learner.settings.batch, _PAIRS))
    try:
        batches = PairBatches(data, settings, ("train",), known, without_instances=left_out)
    except (ConfigError, DataError) as error:
        notes.append(f"no cosine of gradients: {str(error).rstrip('.')}")
        return None
    learner.encoder.train()
    learner.objective.train()
    learner.adaptation.hold_still()  # frozen batch norms, as in training
    cosines = []
    for number, batch in enumerate(batches.epoch(np.random.default_rng((seed, 4)))):
        if number == _BATCHES or batch.action is None:
            break
        with torch.no_grad():
            sides = [torch.as_tensor(side).to(learner.device) for side in (batch.first, batch.second)]
            as_they_are = settings.pair_kind == "time"
            images = [
                learner.augmentation.plain(side) if as_they_are else learner.augmentation(side, learner.generator)
                for side in sides
            ]
            features = [learner.encoder(each).float() for each in images]
            slow: tuple[Tensor, ...] = ()
            if "slow_encoder" in learner.objective:
                slow = tuple(learner.objective["slow_encoder"](each) for each in images)
        leaves = [each.requires_grad_() for each in features]
        target = None if batch.target is None else torch.as_tensor(batch.target).to(learner.device)
        pairs = Pairs(leaves[0], leaves[1], torch.as_tensor(batch.action).to(learner.device), slow, target)
        cosines.append(gradient_cosine(learner.objective["base"](pairs), term(pairs), leaves))
    return float(np.mean(cosines)) if cosines else None
