"""What an online trainer reports about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aassl_ros.learning.online.depth import Depth
from aassl_ros.learning.online.live_probe import ProbeResult
from aassl_ros.learning.online.time_shares import ACTIVITIES
from aassl_ros.learning.training.learner import Losses

METRICS = ("loss", "contrastive", "action", "rankme", "probe_accuracy", "lr", "updates_per_s", "images_per_s",
           "replay_ratio", *(f"share_{name}" for name in ACTIVITIES))  # fmt: skip
"""Names of the numbers that `OnlineStatus.metrics` may contain."""


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
    all are. rankme: of the features of a recent batch; None before the first. lr: learning rate. replay_ratio: pairs
    drawn for each frame of the last minute; None without frames. shares: of the time of the training thread, by what it
    does (pace.py). warning: what does not go as the settings ask; empty: nothing. probe: the newest probe accuracy.
    action: the action space, and the share of the frames that have it; empty: not chosen yet, or the method uses none.
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
    lr: float = 0.0
    replay_ratio: float | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    warning: str = ""
    probe: ProbeResult | None = None
    action: str = ""

    def metrics(self) -> dict[str, float]:
        """Return the numbers that are known, by name: for the log, the diagnostics and the topics of the metrics."""
        values: dict[str, float] = {}
        if self.losses is not None:
            values |= {"loss": self.losses.total, "contrastive": self.losses.base}
            if self.losses.action is not None:
                values["action"] = self.losses.action
        if self.rankme is not None:
            values["rankme"] = self.rankme
        if self.probe is not None:
            values["probe_accuracy"] = self.probe.accuracy
        values |= {"lr": self.lr, "updates_per_s": self.updates_per_s, "images_per_s": self.images_per_s}
        if self.replay_ratio is not None:
            values["replay_ratio"] = self.replay_ratio
        return values | {f"share_{name}": share for name, share in self.shares.items()}
