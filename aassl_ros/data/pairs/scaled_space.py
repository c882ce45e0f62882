"""An action space with its normalisation. Checkpoints store them, and name an action head after each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation


class ScaledSpace(NamedTuple):
    """An action space, its components listed, and the normalisation of its actions."""

    space: ActionSpace
    normalisation: Normalisation

    @property
    def size(self) -> int:
        """A, the number of entries of an action."""
        return len(self.normalisation.median)

    @property
    def key(self) -> str:
        """A short name that depends on the space alone: "joints_1f3a5c7e". It can name a torch module."""
        digest = sha256(json.dumps(self.space.to_json()).encode()).hexdigest()
        return f"{self.space.name}_{digest[:8]}"

    def __str__(self) -> str:
        """The space as text: "joints (shoulder, wrist)"."""
        return str(self.space)

    def to_json(self) -> dict[str, Any]:
        """The space and its normalisation as JSON values."""
        return {**self.space.to_json(), **self.normalisation.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ScaledSpace:
        """The space from the values that `to_json` returned."""
        return cls(ActionSpace.from_json(values), Normalisation.from_json(values))
