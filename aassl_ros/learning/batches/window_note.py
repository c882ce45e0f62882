"""What a window does to the frames, for messages: which have no partner, and what is done about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.prepared.data import PreparedData

_SMALLEST = 0.005  # share that rounds to one percent


def describe_window(data: PreparedData, sampler: PairSampler, *, used: bool = True) -> str:
    """Describe the frames that have no partner.

    Args:
        data: prepared data.
        sampler: of the pairs.
        used: whether the method uses partners at all; pairs of one frame do not.

    Returns:
        Sentences such as "100 % of the frames have no partner within 40 degrees; the nearest is used (median 60
        degrees)."; empty if every frame has a partner.
    """
    if not used:
        return ""
    notes = []
    reach = sampler.reach()
    if reach is not None and reach.without > 0:
        share = f"{reach.without:.0%}".replace("%", " %") if reach.without >= _SMALLEST else "Under 1 %"
        notes.append(
            f"{share} of the frames have no partner within {_bounds(sampler.window)}; "
            f"the nearest is used (median {reach.used_deg:.0f} degrees)."
        )
    if len(sampler.unknown):
        notes.append(f"{_counted(data, sampler.unknown)} no known turn and are not trained on.")
    alone = np.setdiff1d(sampler.frames, sampler.anchors)
    if sampler.window.unit == "next":  # the last frame of an episode never has a next one
        alone = alone[~np.isin(data.episode_of[alone], data.episode_of[sampler.anchors])]
    if len(alone):
        notes.append(f"{_counted(data, alone)} no partner and are not trained on.")
    return " ".join(notes)


def _bounds(window: Window) -> str:
    return window.description if window.minimum else f"{window.maximum:g} {window.unit}"


def _counted(data: PreparedData, frames: NDArray[np.int64]) -> str:
    """ "3 frames of 3 objects have"."""
    objects = len({data.episodes[episode].instance for episode in np.unique(data.episode_of[frames])})
    ours, theirs = (f"{count} {name}{'' if count == 1 else 's'}" for count, name in
                    ((len(frames), "frame"), (objects, "object")))  # fmt: skip
    return f"{ours} of {theirs} have"
