"""Objects that a run does not train on: for `aassl evaluate --split val`, and to decide when to stop."""

from __future__ import annotations

from hashlib import sha256

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import ConfigError
from aassl_ros.learning.training.settings import RETRIEVAL, TrainSettings

_SHARE = 10  # one object in so many is held out to retrieve actions on


def held_out_instances(data: PreparedData, settings: TrainSettings) -> tuple[str, ...]:
    """Choose the objects that are not trained on.

    Args:
        data: prepared data.
        settings: with `validation`, those that `aassl evaluate --split val` tests on; else, if retrieval on held-out
            objects stops the run, a tenth of the objects, which needs no labels.

    Returns:
        Names of instances, sorted; empty if nothing is held out.

    Raises:
        ConfigError: there are too few objects.
    """
    if settings.validation:
        names = validation_instances(data)
        if not names:
            raise ConfigError(
                f"validation = True, but no category of {data.path} has two objects in the set train. Set it to false."
            )
        return names
    if settings.early_stop != RETRIEVAL:
        return ()
    everything = data.instances(settings.sets)
    if len(everything) < 2:
        raise ConfigError(
            f"early_stop = {RETRIEVAL} holds out objects, but {data.path} has only {len(everything)}. Use rankme."
        )
    shuffled = sorted(everything, key=lambda name: sha256(name.encode()).digest())
    return tuple(sorted(shuffled[: max(1, len(shuffled) // _SHARE)]))
