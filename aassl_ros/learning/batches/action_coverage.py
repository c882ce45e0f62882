"""How many frames have the action that a method needs, for messages and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ENOUGH_FRAMES, ActionSpace, action_space_shares
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.frame_states import FrameStates
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.batches.space_choice import FrameSpaces
from aassl_ros.learning.compute.device import AUTO


@dataclass(frozen=True)
class ActionCoverage:
    """How many frames have the action, and why this one was chosen.

    share: of the frames to train on, 0 to 1. chosen: if `auto` chose it. passed: the better spaces that too few frames
    of the data have, with their shares. spaces: of several action spaces, the share of the frames that have each.
    """

    share: float
    chosen: bool
    passed: dict[str, float]
    spaces: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, data: PreparedData, found: FrameSpaces, frames: NDArray[np.int64], settings: PairSettings
    ) -> ActionCoverage:
        """The coverage of the frames to train on, int64."""
        share, chosen = found.share(frames), settings.action_space == AUTO
        if len(found.spaces) > 1:
            names = map(str, found.spaces)
            return cls(share, chosen, {}, {name: found.share(frames, number) for number, name in enumerate(names)})
        shares, (space,) = action_space_shares(data), found.spaces
        return cls(share, chosen, _before(space, shares) if chosen else {})

    @classmethod
    def of_states(cls, states: FrameStates, space: ActionSpace, settings: PairSettings) -> ActionCoverage:
        """The coverage of frames of one robot. space: their action space, components listed."""
        shares, chosen = action_space_shares(states), settings.action_space == AUTO
        return cls(float(space.usable(states).mean()), chosen, _before(space, shares) if chosen else {})

    def __str__(self) -> str:
        """The coverage as text: "chosen automatically, known for 80 % of the frames (object_pose: only 20 %)".

        Of several spaces it has the share of each, in their order.
        """
        lead = "chosen automatically, " if self.chosen else ""
        parts = [f"{name}: only {share:.0%}" for name, share in self.passed.items()]
        parts += [" and ".join(f"{share:.0%}" for share in self.spaces.values())] if self.spaces else []
        text = f"{lead}known for {self.share:.0%} of the frames" + (f" ({', '.join(parts)})" if parts else "")
        return text.replace("%", " %")

    def to_json(self) -> dict[str, Any]:
        """The coverage as JSON values, for a checkpoint."""
        values = {"share": self.share, "chosen_automatically": self.chosen, "too_few": self.passed}
        return values | ({"spaces": self.spaces} if self.spaces else {})


def _before(space: ActionSpace, shares: Mapping[str, float]) -> dict[str, float]:
    """The spaces that are better than the chosen one, but known for too few frames, with their shares of the frames."""
    names = list(shares)
    before = names[: names.index(space.name)] if space.name in shares else names
    return {name: shares[name] for name in before if shares[name] < ENOUGH_FRAMES}
