"""How many updates the linear warm-up of a run takes."""

from __future__ import annotations

from aassl_ros.errors import ConfigError
from aassl_ros.learning.training.settings import TrainSettings


def check_warmup(settings: TrainSettings) -> None:
    """Raise ConfigError if the warm-up is given twice, or in more epochs than the run has."""
    if settings.warmup_epochs and settings.warmup_updates:
        raise ConfigError(
            f"warmup_epochs = {settings.warmup_epochs:g} and warmup_updates = {settings.warmup_updates}: give one of "
            "them. Epochs of different data have different lengths; updates do not."
        )
    if settings.warmup_epochs > settings.epochs and not settings.updates:
        raise ConfigError(
            f"warmup_epochs = {settings.warmup_epochs:g}, expected at most the {settings.epochs} epochs of the run."
        )


def warmup_steps(settings: TrainSettings, epoch: int, total: int) -> int:
    """The number of updates of the warm-up.

    Args:
        settings: of the run.
        epoch: number of updates of an epoch.
        total: number of updates of the run.

    Raises:
        ConfigError: the run is shorter.
    """
    warmup = settings.warmup_updates or round(settings.warmup_epochs * epoch)
    if warmup > total:
        given = (
            f"warmup_updates = {warmup}"
            if settings.warmup_updates
            else f"warmup_epochs = {settings.warmup_epochs:g}, which are {warmup} updates"
        )
        raise ConfigError(f"{given}, expected at most the {total} updates of the run.")
    return warmup
