"""An objective of your own, registered as a method of `aassl`.

Teaches: what a term of the loss is, how a method is made of terms, and how `register_method` makes it known. The
action term of AA-SimCLR goes with any base objective, so it is added here in one word.

Run (this file takes the place of the `aassl` command, and knows one method more):
    python examples/own_objective.py train DATA -o RUN --method aa_uniformity
    python examples/own_objective.py evaluate RUN DATA

To let every command and node know the method, put it into a package with an entry point: docs/extending.md.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn
from torch.nn import functional

from aassl_ros.cli.main import main
from aassl_ros.learning.losses import gather_embeddings
from aassl_ros.learning.objectives import (
    ActionAlignment,
    Method,
    ObjectiveSettings,
    Pairs,
    Projector,
    Sizes,
    register_method,
)


class AlignmentUniformity(nn.Module):
    """Mean |u - v|^2 + log mean exp(-2 |u_i - u_j|^2), the latter averaged over both sets (Wang and Isola 2020)."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.projector = Projector(sizes.features)

    def forward(self, pairs: Pairs) -> Tensor:
        embedded = gather_embeddings(self.projector(pairs.first), self.projector(pairs.second))
        u, v = (functional.normalize(rows, dim=1) for rows in embedded)
        spread = [torch.pdist(rows).square().mul(-2).exp().mean().log() for rows in (u, v)]
        return (u - v).square().sum(dim=1).mean() + sum(spread) / 2


METHOD = register_method(
    "aa_uniformity", Method(pairs="combined", base=AlignmentUniformity, action_term=ActionAlignment)
)

if __name__ == "__main__":
    sys.exit(main())
