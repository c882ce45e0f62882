"""Recognition of the category in a frame, with an encoder and a gallery. The evaluator node wraps it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.streams.images import to_square
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.readout.classifiers import CLASSIFIERS
from aassl_ros.learning.recognition.eye import Eye
from aassl_ros.learning.recognition.gallery import Gallery
from aassl_ros.learning.recognition.judge import AUTO, Judge, JudgeFacts
from aassl_ros.learning.recognition.seen import SeenObjects
from aassl_ros.learning.recognition.seen_frames import SeenPictures
from aassl_ros.learning.recognition.smoothing import Smoothing
from aassl_ros.settings import setting

# Small, so that a frame waits only some tens of ms for the processor while a gallery is embedded.
_EMBED_BATCH = 32


@dataclass(frozen=True)
class RecognitionSettings:
    """Settings of recognition."""

    classifier: str = setting(
        AUTO,
        "Classifier that is fitted to the gallery; auto: the one with the most correct answers for objects left out",
        choices=(*CLASSIFIERS, AUTO),
    )
    neighbours: int = setting(20, "Number of labelled frames that vote, for knn", minimum=1)
    refuse_known: float = setting(
        0.05,
        "A view is __unknown__ if it is less familiar than all but this share of the views of known categories; "
        "0: never",
        minimum=0.0,
        maximum=0.5,
    )
    top_k: int = setting(3, "Number of categories in an answer. Applied at once.", minimum=1)
    threshold: float = setting(
        0.0,
        "The answer is __unknown__ if the best score is not above this; 0: never. Applied at once.",
        minimum=0.0,
        maximum=1.0,
    )
    smoothing_s: float = setting(
        0.3,
        "Scores are a mean over the last frames of an episode, whose weight falls by a factor of e in this time, s; "
        "0: each frame alone. Applied at once.",
        minimum=0.0,
        maximum=60.0,
    )

    worse_by: float = setting(
        0.05,
        "A new encoder is not used if its share of correct answers for objects left out of the gallery is lower by "
        "more than this; 1: always use it",
        minimum=0.0,
        maximum=1.0,
    )


ADJUSTABLE = ("top_k", "threshold", "smoothing_s")
"""Settings that may change from one answer to the next."""


@dataclass(frozen=True)
class Answer:
    """The answer for one frame.

    scores: (category, probability), best first, at most top_k of them; empty if the gallery is empty.
    label: the best category, or UNKNOWN.
    checkpoint: digest of the encoder's checkpoint.
    familiarity: likeness to the gallery, from -1 to 1; below `familiar_from` an object is unknown.
    """

    label: str
    scores: tuple[tuple[str, float], ...]
    checkpoint: str
    familiarity: float = 0.0
    familiar_from: float = -1.0


class Recognizer:
    """One encoder with a gallery that it has embedded. It never changes, so threads may share it.

    Args:
        source: the encoder.
        gallery: labelled frames; None: every answer is UNKNOWN.
        settings: how to recognise.
        device: of the encoder.
        seen: objects that were handled without names; None: none.
        go_on: called before each batch of frames is embedded; it may raise to give up.

    Attributes:
        digest, step: of the encoder's weights.
        encoder: on the device, in evaluation mode, its batch norms folded into the convolutions.
        image_size: side of its input, pixels.
    """

    def __init__(
        self,
        source: Eye | Checkpoint,
        gallery: Gallery | None,
        settings: RecognitionSettings,
        device: torch.device,
        seen: SeenPictures | None = None,
        *,
        go_on: Callable[[], None] | None = None,
    ) -> None:
        eye = source if isinstance(source, Eye) else Eye.of(source)
        self.digest, self.step, self.image_size = eye.digest, eye.step, eye.image_size
        self._settings, self._device = settings, device
        self._normalise = eye.normalise
        self.encoder = fold_batch_norms(eye.encoder).to(device)
        self._embedded: dict[bytes, Tensor] = {}
        self._seen = None if seen is None else self._see(seen, go_on)
        self._fit(gallery, go_on)

    def with_gallery(self, gallery: Gallery | None, *, go_on: Callable[[], None] | None = None) -> Recognizer:
        """The same encoder with another gallery. Only frames that are not in the present one are embedded."""
        other = copy.copy(self)
        other._fit(gallery, go_on)
        return other

    @property
    def facts(self) -> JudgeFacts | None:
        """What is known about the quality of the answers; None if the gallery is empty."""
        return None if self._judge is None else self._judge.facts

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that an answer can have, sorted."""
        return self._categories

    @torch.inference_mode()
    def features(self, squares: Tensor) -> Tensor:
        """Embed frames uint8 [N, S, S, 3] RGB of the encoder's size: features float [N, D]."""
        return self.encoder(self._normalise(squares.to(self._device)))

    def feature(self, frame: NDArray[np.uint8]) -> Tensor:
        """Embed one frame uint8 [H, W, 3] RGB of any size: float [1, D]."""
        return self.features(torch.from_numpy(to_square(frame, self.image_size))[None])

    def answer(
        self,
        frame: NDArray[np.uint8],
        settings: RecognitionSettings | None = None,
        *,
        smoothing: Smoothing | None = None,
        stamp_s: float = 0.0,
    ) -> Answer:
        """Recognise the category in a frame.

        Args:
            frame: uint8 [H, W, 3] RGB, of any size.
            settings: those in ADJUSTABLE of this answer; default: those that the recognizer was made with.
            smoothing: keeps the scores of the frames before; None: this frame alone.
            stamp_s: time of the frame for the smoothing, s.

        Returns:
            the best categories of the gallery with their probabilities.
        """
        return self.judge(self.feature(frame), settings, smoothing=smoothing, stamp_s=stamp_s)

    @torch.inference_mode()
    def judge(
        self,
        feature: Tensor,
        settings: RecognitionSettings | None = None,
        *,
        smoothing: Smoothing | None = None,
        stamp_s: float = 0.0,
    ) -> Answer:
        """Recognise the category of a feature float [1, D]. For arguments and result, see `answer`."""
        settings = self._settings if settings is None else settings
        if self._judge is None:
            return Answer(UNKNOWN, (), self.digest)
        found, likeness = self._judge(feature)
        probabilities, familiarity = found[0].cpu().numpy(), float(likeness[0])
        if smoothing is not None:
            key = (self.digest, self._categories)
            probabilities, familiarity = smoothing.add(key, stamp_s, probabilities, familiarity, settings.smoothing_s)
        best = np.argsort(-probabilities)[: settings.top_k]
        scores = tuple((self._categories[place], float(probabilities[place])) for place in best)
        label, score = scores[0]
        familiar_from = self._judge.facts.unknown.value
        known = score > settings.threshold and familiarity >= familiar_from
        return Answer(label if known else UNKNOWN, scores, self.digest, familiarity, familiar_from)

    @torch.inference_mode()
    def _see(self, seen: SeenPictures, go_on: Callable[[], None] | None) -> SeenObjects:
        features = []
        for first in range(0, len(seen.chosen.frames), _EMBED_BATCH):
            if go_on is not None:
                go_on()
            frames = seen.at_size(first, first + _EMBED_BATCH, self.image_size)
            features.append(self.features(torch.from_numpy(frames)))
        return SeenObjects(torch.cat(features), torch.from_numpy(seen.chosen.objects).to(self._device))

    def _fit(self, gallery: Gallery | None, go_on: Callable[[], None] | None) -> None:
        self._judge: Judge | None = None
        self._categories: tuple[str, ...] = ()
        if gallery is None:
            self._embedded = {}
            return
        frames = np.ascontiguousarray(gallery.at_size(self.image_size))
        names = [blake2b(frame, digest_size=16).digest() for frame in frames]
        new = [place for place, name in enumerate(names) if name not in self._embedded]
        embedded = dict(self._embedded)
        for begin in range(0, len(new), _EMBED_BATCH):
            if go_on is not None:
                go_on()
            places = new[begin : begin + _EMBED_BATCH]
            features = self.features(torch.from_numpy(frames[places]))
            embedded |= {names[place]: feature for place, feature in zip(places, features, strict=True)}
        self._embedded = {name: embedded[name] for name in names}
        self._categories = gallery.categories
        self._judge = Judge(
            torch.stack([self._embedded[name] for name in names]),
            torch.from_numpy(gallery.targets).to(self._device),
            torch.from_numpy(gallery.objects).to(self._device),
            classifier=self._settings.classifier,
            neighbours=self._settings.neighbours,
            refuse_known=self._settings.refuse_known,
            seen=self._seen,
        )
