"""A quick probe during training: how well the features predict the categories. It does not replace the evaluation.

It has no effect on training: it embeds with a copy of the encoder and draws no random numbers.
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

_MOST_FRAMES = {"train": 2000, "test": 1000}  # so that a probe takes seconds on a CPU
_FRAMES_PER_EPISODE = 10


class TrainingProbe:
    """Fits a linear probe and kNN on most train instances, and tests them on the rest.

    The test instances are those of `aassl evaluate --split val`. Unless the run leaves them out (`validation`), the
    encoder was trained on their pictures, but not on their labels.
    """

    def __init__(self, data: PreparedData, normalise: Normalise, device: torch.device) -> None:
        """normalise: makes the encoder's input of images. Raises ConfigError if there are too few labels."""
        try:
            split = make_split(data, "val", _FRAMES_PER_EPISODE)
        except AasslError as error:
            raise ConfigError(
                f"probe_every needs labels of the train objects: {error} Or set probe_every=0."
            ) from error
        self._frames, self._normalise, self._device = data.frames, normalise, device
        self._known, self._known_targets = self._side(split.train, "train")
        self._asked, self._asked_targets = self._side(split.test, "test")

    def __call__(self, encoder: nn.Module) -> dict[str, float]:
        """Return the accuracies on the test frames, 0 to 1: `probe_linear` and `probe_knn`."""
        copy = deepcopy(encoder)
        known = embed(copy, self._frames, self._known, self._normalise, device=self._device)
        asked = embed(copy, self._frames, self._asked, self._normalise, device=self._device)
        right = {}
        for name in ("linear", "knn"):
            named = fit_classifier(name, known, self._known_targets)(asked).argmax(dim=1)
            right[f"probe_{name}"] = float((named == self._asked_targets).float().mean())
        return right

    def _side(self, labelled: LabelledFrames, name: str) -> tuple[NDArray[np.int64], Tensor]:
        """Pick evenly spaced frames; returns their indices and categories."""
        kept = evenly_spaced(len(labelled), _MOST_FRAMES[name])
        return labelled.frames[kept], torch.from_numpy(labelled.targets[kept]).to(self._device)
