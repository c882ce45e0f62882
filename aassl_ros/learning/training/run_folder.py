"""The folder of a run: start a new one, or resume one with the right settings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from aassl_ros.errors import AasslError, CheckpointError, ConfigError
from aassl_ros.learning.checkpoints.checkpoint import LINK, Checkpoint, load_checkpoint
from aassl_ros.learning.training.run_log import LOG
from aassl_ros.learning.training.settings import LENGTH, RESUMABLE, TrainSettings


def begin(run: Path) -> None:
    """Make the folder of a new run. Raises ConfigError if it contains a run already or cannot be written."""
    if os.path.lexists(run / LINK):
        raise ConfigError(f"{run} contains a run already. Continue it with --resume, or choose another folder.")
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / LOG).write_text("")
    except OSError as error:
        raise ConfigError(f"{run} cannot be written ({error.strerror}). Choose another folder.") from error


def resume(run: Path, given: dict[str, Any], settings: TrainSettings) -> tuple[Checkpoint, TrainSettings]:
    """Return the newest checkpoint of a run, and its settings, with the user's changes that are allowed.

    given: the values that the user gave, by name; settings: the same values as settings.
    Raises ConfigError if a value would change the run's loss curve, CheckpointError if there is no checkpoint.
    """
    checkpoint = load_checkpoint(run)
    try:
        known: dict[str, Any] = {name: _tuple_if_list(value) for name, value in checkpoint.config.items()}
        begun = TrainSettings(**known)  # settings that are newer than the run get their defaults
        resumed = replace(begun, **{name: getattr(settings, name) for name in given if name in RESUMABLE})
    except (TypeError, AasslError) as error:
        raise CheckpointError(f"{checkpoint.path} was not written by aassl train: nothing to resume.") from error
    for name in given:
        found, asked = getattr(begun, name), getattr(settings, name)
        takes_the_datas = name == "image_size" and asked == 0
        ends_with_them = name in LENGTH and begun.schedule == "cosine"
        if name == "epochs" and begun.updates and found != asked:
            raise ConfigError(f"epochs = {asked!r}, but {run} ends by updates = {begun.updates}. Set updates instead.")
        if (name not in RESUMABLE or ends_with_them) and not takes_the_datas and found != asked:
            why = ", and its cosine schedule depends on it" if ends_with_them else ""
            raise ConfigError(
                f"{name} = {_plain(asked)!r}, but {run} was started with {_plain(found)!r}{why}. Leave it out, "
                "or start a new run."
            )
    return checkpoint, resumed


def _tuple_if_list(value: Any) -> Any:
    """Convert JSON lists to tuples, which settings have."""
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Convert tuples to lists, as the user writes them."""
    return list(value) if isinstance(value, tuple) else value
