"""How well categories can be told from the features while training goes on: a glance, not the evaluation.

It never touches the encoder that learns: it embeds by a copy, and draws no random numbers.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import AasslError, ConfigError
from aassl_ros.learning.readout.classifiers import fit_classifier
from aassl_ros.learning.readout.features import Normalise, embed
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.readout.split import LabelledFrames, make_split

_MOST_FRAMES = {"train": 2000, "test": 1000}  # of each side: seconds on a CPU
_FRAMES_PER_EPISODE = 10


class TrainingProbe:
    """Fits a linear probe and kNN to most of the train instances, asks them about the rest.

    Those asked about are the ones of `aassl evaluate --split val`. Unless the run leaves them out (`validation`), the
    encoder has learnt from their pictures, though not from their labels.
    """

    def __init__(self, data: PreparedData, normalise: Normalise, device: torch.device) -> None:
        """Raises ConfigError where the labels do not suffice."""
        try:
            split = make_split(data, "val", _FRAMES_PER_EPISODE)
        except AasslError as error:
            raise ConfigError(f"probe_every needs labels of the train objects: {error} Or set it to 0.") from error
        self._frames, self._normalise, self._device = data.frames, normalise, device
        self._known, self._known_targets = self._side(split.train, "train")
        self._asked, self._asked_targets = self._side(split.test, "test")

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """Shares of the frames asked about that are named right: `probe_linear` and `probe_knn`."""
        copy = deepcopy(encoder)
        known = embed(copy, self._frames, self._known, self._normalise, device=self._device)
        asked = embed(copy, self._frames, self._asked, self._normalise, device=self._device)
        right = {}
        for name in ("linear", "knn"):
            named = fit_classifier(name, known, self._known_targets)(asked).argmax(dim=1)
            right[f"probe_{name}"] = float((named == self._asked_targets).float().mean())
        return right

    def _side(self, labelled: LabelledFrames, name: str) -> tuple[NDArray[np.int64], Tensor]:
        """Frames and their categories, evenly thinned."""
        kept = evenly_spaced(len(labelled), _MOST_FRAMES[name])
        return labelled.frames[kept], torch.from_numpy(labelled.targets[kept]).to(self._device)
