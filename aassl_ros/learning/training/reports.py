"""What a training run reports: its progress after each update, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aassl_ros.learning.training.learner import Losses


@dataclass(frozen=True)
class TrainProgress:
    """Progress after an update.

    images_per_s: counts both images of each pair. seconds: of training, over all resumed parts.
    measures: other measures after this update, by their name in the log. warning: empty if there is none.
    """

    step: int
    total_steps: int
    epoch: int
    losses: Losses
    images_per_s: float
    seconds: float
    measures: Mapping[str, float] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True)
class TrainReport:
    """How a run ended.

    done: all updates were made, or the time was up; else the run was interrupted. losses: of the last update, None if
    there was nothing left to do.
    """

    checkpoint: Path
    step: int
    total_steps: int
    done: bool
    seconds: float
    losses: Losses | None
