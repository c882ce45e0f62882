"""Project features of a checkpoint to two dimensions, for the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData


def points_of_features(checkpoint: Path, data: PreparedData, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return t-SNE points, float64 [N, 2], of the chosen frames' features. Raises CheckpointError.

    chosen: indices of frames, int64 [N].
    """
    # Imported here: the other pictures of the report need neither torch nor scikit-learn.
    from aassl_ros.learning.augmentation.augmentation import Augmentation
    from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
    from aassl_ros.learning.measures.tsne import tsne_points
    from aassl_ros.learning.readout.features import embed

    loaded = load_checkpoint(checkpoint)
    augmentation = Augmentation(loaded.settings, loaded.image_size)
    return tsne_points(embed(loaded.encoder, data.frames, chosen, augmentation.plain))
