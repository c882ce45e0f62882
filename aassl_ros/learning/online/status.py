"""What an online trainer reports about itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aassl_ros.learning.online.depth import Depth
from aassl_ros.learning.training.learner import Losses


@dataclass(frozen=True)
class Saved:
    """A saved checkpoint, as it is announced."""

    path: Path
    digest: str
    step: int


@dataclass(frozen=True)
class OnlineStatus:
    """The state of an OnlineTrainer.

    state: waiting, learning, paused, stopped or failed; line: a description of it, or the error.
    images_per_s: counts both images of each pair. saves: number of checkpoints that this trainer wrote; saved: the
    newest of them. depth: which layers of an encoder with given weights are trained; None before the choice, and if
    all are. rankme: of the features of a recent batch; None before the first.
    """

    state: str
    line: str
    step: int
    losses: Losses | None
    updates_per_s: float
    images_per_s: float
    saves: int
    saved: Saved | None
    depth: Depth | None = None
    rankme: float | None = None
