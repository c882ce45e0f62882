"""Two-dimensional points of an encoder's features for a picture (t-SNE)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared import PreparedData


def tsne_points(checkpoint: Path, data: PreparedData, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Points [N, 2] of the chosen frames' features under the checkpoint's encoder. Raises CheckpointError."""
    # Loaded here: the report's other pictures need neither torch nor scikit-learn.
    from sklearn.manifold import TSNE

    from aassl_ros.learning.augmentation import Augmentation
    from aassl_ros.learning.checkpoint import load_checkpoint
    from aassl_ros.learning.features import embed

    loaded = load_checkpoint(checkpoint)
    augmentation = Augmentation(loaded.settings, loaded.image_size)
    features = embed(loaded.encoder, data.frames, chosen, augmentation.plain)
    directions = to_directions(features.numpy())
    return np.asarray(TSNE(init="pca", perplexity=min(30, len(chosen) / 4), random_state=0).fit_transform(directions))


def to_directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1: the losses compare directions only."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
