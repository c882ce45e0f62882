"""Recognition of the category in a frame, with an encoder and a gallery. The evaluator node wraps it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.streams.images import to_square
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.readout.classifiers import CLASSIFIERS, fit_classifier
from aassl_ros.learning.recognition.eye import Eye
from aassl_ros.learning.recognition.gallery import UNKNOWN, Gallery
from aassl_ros.settings import setting

# Small, so that a frame waits only some tens of ms for the processor while a gallery is embedded.
_EMBED_BATCH = 32


@dataclass(frozen=True)
class RecognitionSettings:
    """Settings of recognition."""

    classifier: str = setting("linear", "Classifier that is fitted to the gallery", choices=CLASSIFIERS)
    neighbours: int = setting(20, "Number of labelled frames that vote, for knn", minimum=1)
    top_k: int = setting(3, "Number of categories in an answer. Applied at once.", minimum=1)
    threshold: float = setting(
        0.0,
        "The answer is __unknown__ if the best score is not above this; 0: never. Applied at once.",
        minimum=0.0,
        maximum=1.0,
    )


ADJUSTABLE = ("top_k", "threshold")
"""Settings that may change from one answer to the next."""


@dataclass(frozen=True)
class Answer:
    """The answer for one frame.

    scores: (category, probability), best first, at most top_k of them.
    label: the best category, or UNKNOWN if its score is not above the threshold.
    checkpoint: digest of the encoder's checkpoint.
    """

    label: str
    scores: tuple[tuple[str, float], ...]
    checkpoint: str


class Recognizer:
    """One encoder with a gallery that it has embedded. It never changes, so threads may share it.

    digest, step: of the encoder's weights; encoder: on the device, in evaluation mode, its batch
    norms folded into the convolutions.
    """

    def __init__(
        self, source: Eye | Checkpoint, gallery: Gallery, settings: RecognitionSettings, device: torch.device
    ) -> None:
        eye = source if isinstance(source, Eye) else Eye.of(source)
        self.digest, self.step = eye.digest, eye.step
        self._settings, self._device = settings, device
        self._size = eye.image_size
        self._normalise = eye.normalise
        self.encoder = fold_batch_norms(eye.encoder).to(device)
        self._categories = gallery.categories
        frames = torch.from_numpy(np.ascontiguousarray(gallery.at_size(self._size)))
        features = torch.cat([self.features(part) for part in frames.split(_EMBED_BATCH)])
        targets = torch.from_numpy(gallery.targets).to(device)
        self._classify = fit_classifier(settings.classifier, features, targets, neighbours=settings.neighbours)

    @torch.inference_mode()
    def features(self, squares: Tensor) -> Tensor:
        """Embed frames uint8 [N, S, S, 3] RGB of the encoder's size: features float [N, D]."""
        return self.encoder(self._normalise(squares.to(self._device)))

    @torch.inference_mode()
    def answer(self, frame: NDArray[np.uint8], settings: RecognitionSettings | None = None) -> Answer:
        """Recognise the category in a frame.

        Args:
            frame: uint8 [H, W, 3] RGB, of any size.
            settings: top_k and threshold of this answer; default: those that the recognizer was made with.

        Returns:
            the best categories of the gallery with their probabilities.
        """
        settings = self._settings if settings is None else settings
        square = torch.from_numpy(to_square(frame, self._size))[None]
        probabilities = self._classify(self.features(square))[0].cpu().numpy()
        best = np.argsort(-probabilities)[: settings.top_k]
        scores = tuple((self._categories[place], float(probabilities[place])) for place in best)
        label, score = scores[0]
        return Answer(label if score > settings.threshold else UNKNOWN, scores, self.digest)
