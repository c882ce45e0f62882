"""Confidence that means what it says: a temperature for probabilities, and how far they are from the truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.measures.reliability import Reliability

# Temperatures that are tried. Beyond them every probability is nearly equal or nearly one.
_TEMPERATURES = torch.logspace(-1, 1, 41)
_SMALLEST = 1e-8


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
    return Reliability.of_answers(confidence.double().cpu().numpy(), (named == targets).cpu().numpy(), bins)
