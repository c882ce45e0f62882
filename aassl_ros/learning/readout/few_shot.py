"""Few-shot accuracy: the labels are one frame of each of a few instances per category; mean of many draws."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.learning.readout.classifiers import Prototypes


def few_shot_accuracy(
    train: tuple[Tensor, NDArray[np.int64], NDArray[np.int64]],
    test: tuple[Tensor, NDArray[np.int64]],
    shots: int,
    draws: int,
    seed: int,
) -> float:
    """Accuracy of the nearest prototype on the test frames, the mean over `draws` draws of the labelled frames.

    train: features float [N, D], targets and instances int64 [N]; test: features float [M, D], targets int64 [M].
    shots: number of instances per category; a category that has fewer uses all of them; 0: all.
    Returns a fraction of 1.
    """
    return float(few_shot_shares(train, test, shots, draws, seed).mean())


def few_shot_shares(
    train: tuple[Tensor, NDArray[np.int64], NDArray[np.int64]],
    test: tuple[Tensor, NDArray[np.int64]],
    shots: int,
    draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """Share of the draws in which each test frame is named correctly, float64 [M]. See `few_shot_accuracy`."""
    features, targets, instances = train
    test_targets = torch.from_numpy(test[1]).to(features.device)
    rng, most = np.random.default_rng((seed, shots)), shots or None
    frames_of: dict[int, list[NDArray[np.int64]]] = {}
    for instance in np.unique(instances):
        frames = np.flatnonzero(instances == instance)
        frames_of.setdefault(int(targets[frames[0]]), []).append(frames)
    right = torch.zeros(len(test_targets), dtype=torch.float64, device=features.device)
    for _ in range(draws):
        chosen = [
            int(rng.choice(own[index])) for own in frames_of.values() for index in rng.permutation(len(own))[:most]
        ]
        classify = Prototypes(features[chosen], torch.from_numpy(targets[chosen]).to(features.device))
        right += classify(test[0]).argmax(dim=1) == test_targets
    return np.asarray((right / draws).cpu().numpy(), np.float64)
