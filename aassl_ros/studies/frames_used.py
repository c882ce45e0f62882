"""Before the first run: which frames each setting is trained on, and a batch that they fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import AasslError, ConfigError, DataError
from aassl_ros.learning.batches.pair_frames import PairFrames
from aassl_ros.learning.batches.window_note import describe_window
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.training.held_out import held_out_instances
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.settings import from_mapping
from aassl_ros.studies.damage import Damage, damaged
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import FROZEN, OVERHEAD, Setting

_SMALLEST_BATCH = 8
_CLASSIC = "classic"


@dataclass(frozen=True)
class FramesUsed:
    """The frames that a setting is trained on.

    Attributes:
        count: their number.
        share: their share of the frames of the sets without validation objects, 0 to 1.
        batch: pairs in a batch, as the setting has it now.
        own_batch: whether the setting itself names the batch.
        window: of the pairs.
        note: which frames have no partner within the window; empty: none.
    """

    count: int
    share: float
    batch: int
    own_batch: bool
    window: str
    note: str


def frames_used(
    data: PreparedData, settings: Sequence[Setting], request: Request, *, needed: bool = False
) -> dict[str, FramesUsed]:
    """Find the frames that settings are trained on.

    Args:
        data: of the study.
        settings: of the study.
        request: with the settings of every run.
        needed: whether it is an error if every setting will fail.

    Returns:
        The frames by the setting's name. Settings without training are left out, and those whose runs will fail.

    Raises:
        AasslError: every setting will fail, with the reason of the first; only if `needed`.
    """
    # Frames are chosen by their states: the pictures are not needed, and damaged data would copy them.
    states = replace(data, frames=np.zeros((len(data), 1, 1, 3), np.uint8))
    known: dict[str, tuple[int, float, str]] = {}
    found: dict[str, FramesUsed] = {}
    problem: AasslError | None = None
    for setting in settings:
        for given in _trained(setting, request.settings):
            key = _key(given, setting.damage)
            try:
                known[key] = known[key] if key in known else _choose(states, given, setting.damage)
            except AasslError as error:  # the run will say so, and the others go on
                problem = problem or error
                continue
            count, share, note = known[key]
            if setting.name not in found or count < found[setting.name].count:
                own = "batch" in setting.settings
                found[setting.name] = FramesUsed(count, share, given.batch, own, given.window, note)
    if needed and problem is not None and not found:
        raise problem
    return found


def fit_batch(used: Mapping[str, FramesUsed], data: PreparedData, *, given: bool) -> tuple[int, str]:
    """Find a batch that every setting can fill.

    Args:
        used: the frames of each setting.
        data: of the study, to name it.
        given: whether the user set the batch.

    Returns:
        (batch, note): a smaller batch and why; 0 and "" if every setting fills its batch.

    Raises:
        ConfigError: the user's own batch is too large.
        DataError: the data has too few frames for any batch.
    """
    short = {name: each for name, each in used.items() if each.count < each.batch}
    if not short:
        return 0, ""
    name, least = min(short.items(), key=lambda item: item[1].count)
    frames = f"{name} has {least.count} frames to pair in {data.path}"
    if given or any(each.own_batch for each in short.values()):
        raise ConfigError(f"batch = {least.batch}, but {frames}. Choose at most {least.count}, or leave the batch out.")
    enough = {name: each.count for name, each in used.items() if each.count >= _SMALLEST_BATCH}
    if not enough:
        raise DataError(f"{frames}, expected {_SMALLEST_BATCH} or more. Collect more, or set a smaller batch.")
    name = min(enough, key=lambda each: enough[each])
    batch = 2 ** int(np.log2(enough[name]))
    if batch >= least.batch:  # only settings that cannot be trained at all have too few
        return 0, ""
    return batch, f"The batch is {batch} in place of {least.batch}: {name} has only {enough[name]} frames to pair."


def describe_frames(used: Mapping[str, FramesUsed]) -> list[str]:
    """Describe windows that frames have no partner in, and settings that are trained on different frames."""
    notes = [f"Window {each.window}: {each.note}" for each in used.values() if each.note]
    by_share: dict[str, list[str]] = {}
    for name, each in used.items():
        by_share.setdefault(f"{each.share:.1%}".replace(".0%", "%").replace("%", " %"), []).append(name)
    if len(by_share) > 1:
        shares = "; ".join(f"{share}: {', '.join(names)}" for share, names in by_share.items())
        notes.append(f"The settings are trained on different shares of the frames: {shares}.")
    return list(dict.fromkeys(notes))


def _trained(setting: Setting, common: Mapping[str, Any]) -> list[TrainSettings]:
    """The settings of the training of a run: of each timed method, one for others, none without training."""
    if setting.kind == FROZEN:
        return []
    values = {**common, **setting.settings}
    methods = values.pop("methods", None) if setting.kind == OVERHEAD else None
    each = [values] if methods is None else [{**values, "method": name} for name in methods]
    return [from_mapping(TrainSettings, one, source="--set") for one in each]


def _key(settings: TrainSettings, damage: Damage | None) -> str:
    """What the choice of frames depends on: settings with the same key have the same frames."""
    method, kind = METHODS[settings.method], settings.pair_kind
    action = (settings.action_space, settings.action_components, settings.rotation) if method.uses_actions else ()
    window = "" if kind == _CLASSIC else settings.window
    return repr((method.uses_labels, action, kind == _CLASSIC, window, settings.sets, settings.validation, damage))


def _choose(data: PreparedData, settings: TrainSettings, damage: Damage | None) -> tuple[int, float, str]:
    """The number of frames, their share, and the note about their window."""
    data = data if damage is None else damaged(data, damage, 0)
    left_out = held_out_instances(data, settings).all
    found = PairFrames.choose(data, settings, settings.sets, without_instances=left_out)
    note = describe_window(data, found.sampler, used=settings.pair_kind != _CLASSIC)
    return len(found.sampler.anchors), found.share, note
