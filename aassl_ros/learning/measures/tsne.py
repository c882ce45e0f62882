"""Two-dimensional map of features for a plot (t-SNE; van der Maaten, Hinton 2008)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def tsne_points(features: Tensor) -> NDArray[np.float64]:
    """Map features float [N, D] to points [N, 2], N at least 4. Only directions count, as in the losses."""
    from sklearn.manifold import TSNE  # only here: it takes a second to load

    directions = functional.normalize(features.detach().float(), dim=1).cpu().numpy()
    method = TSNE(init="pca", perplexity=min(30, len(directions) / 4), random_state=0)
    return np.asarray(method.fit_transform(directions), np.float64)
