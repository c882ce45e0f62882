"""What an encoder was trained on, and how checkpoint.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.scaled_space import ScaledSpace


@dataclass(frozen=True)
class Provenance:
    """What an encoder was trained on.

    action_space, normalisation: of the actions, if all are of one space; else None. instances: every object instance
    seen. several_spaces: the action spaces if there are several, in the order of the action's columns.
    """

    action_space: ActionSpace | None
    normalisation: Normalisation | None
    instances: tuple[str, ...]
    data_fingerprint: str = ""
    several_spaces: tuple[ScaledSpace, ...] = ()

    @classmethod
    def of_spaces(
        cls, spaces: tuple[ScaledSpace, ...], instances: tuple[str, ...], data_fingerprint: str
    ) -> Provenance:
        """Make it from any number of action spaces."""
        if len(spaces) > 1:
            return cls(None, None, instances, data_fingerprint, spaces)
        space, normalisation = spaces[0] if spaces else (None, None)
        return cls(space, normalisation, instances, data_fingerprint)

    @property
    def action_spaces(self) -> tuple[ScaledSpace, ...]:
        """All action spaces: none, one or several."""
        if self.action_space is None or self.normalisation is None:
            return self.several_spaces
        return (ScaledSpace(self.action_space, self.normalisation),)

    def check_dimension(self, dimension: int) -> None:
        """Raise ValueError if the normalisations do not fit actions of so many entries, or are not finite."""
        spaces = self.action_spaces
        whole = (each for space in spaces for each in space.normalisation.to_json().values())
        sizes = {part: sum(len(getattr(each.normalisation, part)) for each in spaces) for part in ("median", "scale")}
        if spaces and (set(sizes.values()) != {dimension} or not all(np.isfinite(values).all() for values in whole)):
            told = [each.normalisation.to_json() for each in spaces]
            raise ValueError(f"actions of {dimension} entries are normalised by {told}")

    def to_json(self) -> dict[str, Any]:
        """The facts of checkpoint.json. `action_spaces` is there only if they are several."""
        space, normalisation = self.action_space, self.normalisation
        facts: dict[str, Any] = {
            "action_space": None if space is None else space.to_json(),
            "normalisation": None if normalisation is None else normalisation.to_json(),
            "instances": sorted(set(self.instances)),
            "data_fingerprint": self.data_fingerprint,
        }
        if self.several_spaces:
            facts["action_spaces"] = [{"head": each.key, **each.to_json()} for each in self.several_spaces]
        return facts

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Provenance:
        """Read the facts that `to_json` returned. Raises DataError or ValueError if they are wrong."""
        space, normalisation = facts["action_space"], facts["normalisation"]
        several = tuple(map(ScaledSpace.from_json, facts["action_spaces"]))
        if len({each.key for each in several}) < len(several) or len(several) == 1 or (several and space):
            raise ValueError(f"action_spaces has {len(several)} entries, expected several different ones")
        return cls(
            None if space is None else ActionSpace.from_json(space),
            None if normalisation is None else Normalisation.from_json(normalisation),
            tuple(facts["instances"]),
            facts["data_fingerprint"],
            several,
        )
