"""Confidence that means what it says: a temperature for probabilities, and how far they are from the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

# Temperatures that are tried. Beyond them every probability is nearly equal or nearly one.
_TEMPERATURES = torch.logspace(-1, 1, 41)
_SMALLEST = 1e-8


class Reliability(NamedTuple):
    """A reliability diagram: mean confidence, share of correct answers and number of answers of each bin, [B] each."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    answers: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """The expected calibration error: mean of |confidence - accuracy|, weighted by the number of answers."""
        return float((np.abs(self.confidence - self.accuracy) * self.answers).sum() / max(1, self.answers.sum()))


def best_temperature(probabilities: Tensor, targets: Tensor) -> float:
    """Choose the temperature with the highest likelihood (Guo et al., ICML 2017).

    Args:
        probabilities: float [N, C] of views that the classifier was not fitted to.
        targets: int64 [N].

    Returns:
        The temperature; 1 if there is no view.
    """
    if len(targets) == 0:
        return 1.0
    logits = probabilities.clamp_min(_SMALLEST).log()
    losses = [float(functional.cross_entropy(logits / t, targets)) for t in _TEMPERATURES.to(logits)]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def at_temperature(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities [N, C] made flatter (temperature above 1) or steeper; the order stays."""
    return torch.softmax(probabilities.clamp_min(_SMALLEST).log() / temperature, dim=1)


def reliability(probabilities: Tensor, targets: Tensor, bins: int = 10) -> Reliability:
    """Compare the confidence of answers with how many are correct.

    Args:
        probabilities: float [N, C].
        targets: int64 [N].
        bins: number of bins of equal width.

    Returns:
        The diagram; empty bins have 0 answers.
    """
    confidence, named = probabilities.max(dim=1)
    sure = confidence.double().cpu().numpy()
    correct = (named == targets).double().cpu().numpy()
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    divisor = np.maximum(count, 1)
    return Reliability(
        np.bincount(place, sure, minlength=bins) / divisor, np.bincount(place, correct, minlength=bins) / divisor, count
    )
