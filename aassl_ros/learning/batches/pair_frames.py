"""The frames that a method is trained on: those of the sets that have an action, a label and a partner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.data.pairs.turns import unknown_turn
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.batches.action_coverage import ActionCoverage
from aassl_ros.learning.batches.labels import Labels
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.batches.space_choice import FrameSpaces, check_folders, choose_spaces
from aassl_ros.learning.objectives.methods import METHODS


@dataclass(frozen=True)
class PairFrames:
    """The frames of a method, with what is needed to make pairs of them.

    Attributes:
        available: int64, increasing: all frames of the sets.
        spaces: their action spaces; None if the method uses no actions.
        coverage: how many of them have the action; None if the method uses none.
        labels: their categories; None if the method needs none.
        sampler: draws their partners; its anchors are the frames that the method is trained on.
    """

    available: NDArray[np.int64]
    spaces: FrameSpaces | None
    coverage: ActionCoverage | None
    labels: Labels | None
    sampler: PairSampler

    @classmethod
    def choose(
        cls,
        data: PreparedData,
        settings: PairSettings,
        sets: tuple[str, ...],
        known: tuple[ActionSpace, Normalisation] | None = None,
        *,
        without_instances: tuple[str, ...] = (),
        heads: Sequence[ScaledSpace] = (),
    ) -> PairFrames:
        """Choose the frames.

        Args:
            data: prepared data.
            settings: the method, the window and the action space.
            sets: instance sets to draw from.
            known: the only action space and its normalisation; without it, it is chosen here.
            without_instances: objects to leave out.
            heads: action spaces that have an action head already.

        Returns:
            The frames.

        Raises:
            DataError: the data has no such frames, pairs or actions.
        """
        method = METHODS[settings.method]
        available = frames = _frames_of(data, sets, without_instances)
        spaces = _spaces(data, frames, settings, known, heads) if method.uses_actions else None
        coverage = None
        if spaces is not None:
            coverage = ActionCoverage.of(data, spaces, frames, settings)
            frames = _with_action(data, frames, spaces)
        labels = Labels.of(data, frames) if method.uses_labels else None
        if labels is not None:
            frames = frames[labels(data, frames) >= 0]
        alone = settings.pair_kind == "classic"  # two views of one frame need no other frame
        sampler = PairSampler(data, frames, parse_window(settings.window), unpaired=alone)
        return cls(available, spaces, coverage, labels, sampler)

    @property
    def share(self) -> float:
        """The share of the available frames that the method is trained on, 0 to 1."""
        return len(self.sampler.anchors) / len(self.available)


def _frames_of(data: PreparedData, sets: tuple[str, ...], without_instances: tuple[str, ...]) -> NDArray[np.int64]:
    """The frames of some sets. Raises DataError if there is none."""
    frames = data.indices(sets, without_instances=without_instances)
    if len(frames) == 0:
        found = ", ".join(sorted({row.set for row in data.episodes})) or "none"
        raise DataError(f"{data.path} has no frames of the sets {', '.join(sets)} (found: {found}).")
    return frames


def _with_action(data: PreparedData, frames: NDArray[np.int64], chosen: FrameSpaces) -> NDArray[np.int64]:
    """Those of the frames that have an action. Raises DataError if none has."""
    with_action = frames[chosen.of_frame[frames] >= 0]
    if len(with_action) == 0:
        space = chosen.spaces[0]
        parts = ", ".join(space.components)
        reason = f": {unknown_turn(data)}" if space.name == "turn_size" else ""
        raise DataError(
            f"action space {space.name}: no frame of {data.path} has all of its parts ({parts}){reason}. "
            "Leave out the missing ones (--set action_components=-NAME), or choose another action space."
        )
    return with_action


def _spaces(
    data: PreparedData,
    frames: NDArray[np.int64],
    settings: PairSettings,
    known: tuple[ActionSpace, Normalisation] | None,
    heads: Sequence[ScaledSpace],
) -> FrameSpaces:
    """The action spaces of the frames. Raises DataError if a folder has no action."""
    if not known:
        return choose_spaces(data, frames, settings, [each.space for each in heads])
    found = FrameSpaces.single(known[0], data)
    check_folders(data, frames, found, known[0])
    return found
