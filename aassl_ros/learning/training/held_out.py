"""Objects that a run does not train on: for `aassl evaluate --split val`, and to decide when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import ConfigError
from aassl_ros.learning.training.settings import RETRIEVAL, TrainSettings

_SHARE = 10  # one object in so many is held out to retrieve actions on


@dataclass(frozen=True)
class HeldOut:
    """Names of the instances that are not trained on, sorted.

    to_validate: those that `aassl evaluate --split val` tests on. to_stop: others, to retrieve actions on.
    """

    to_validate: tuple[str, ...] = ()
    to_stop: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted((*self.to_validate, *self.to_stop)))


def held_out_instances(data: PreparedData, settings: TrainSettings) -> HeldOut:
    """Choose the objects that are not trained on.

    Args:
        data: prepared data.
        settings: with `validation`, a fifth of the objects is for `aassl evaluate --split val`. If retrieval on
            held-out objects stops the run, a tenth of the others is held out, too. It needs no labels. The two do not
            overlap: settings are chosen on objects that did not choose the checkpoint.

    Returns:
        The objects.

    Raises:
        ConfigError: there are too few objects.
    """
    to_validate = _to_validate(data) if settings.validation else ()
    if settings.early_stop != RETRIEVAL:
        return HeldOut(to_validate)
    rest = [name for name in data.instances(settings.sets) if name not in to_validate]
    if len(rest) < 2:
        raise ConfigError(
            f"early_stop = {RETRIEVAL} holds out objects, but {data.path} has only {len(rest)}. Use rankme."
        )
    shuffled = sorted(rest, key=lambda name: sha256(name.encode()).digest())
    return HeldOut(to_validate, tuple(sorted(shuffled[: max(1, len(shuffled) // _SHARE)])))


def _to_validate(data: PreparedData) -> tuple[str, ...]:
    names = validation_instances(data)
    if not names:
        raise ConfigError(
            f"validation = True, but no category of {data.path} has two objects in the set train. Set it to false."
        )
    return names
