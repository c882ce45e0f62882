"""Normalises actions: one scale for each group of entries that have the same unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

SCALE_FLOOR = 1e-3
"""Smallest scale of a group (rad, m or s). A smaller range is noise and not an action."""
_TAILS = (25, 5, 1)
"""Percent of the actions omitted at each end. The first range above SCALE_FLOOR is the scale."""


@dataclass(frozen=True)
class Group:
    """Adjacent entries of an action that have the same unit, and so one scale. size: number of entries."""

    name: str
    size: int


@dataclass(frozen=True)
class Normalisation:
    """Normalises actions: (action - median) / scale, with one scale for each group. Checkpoints store it.

    median, scale: float32 [A].
    """

    median: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __call__(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalise actions.

        Args:
            actions: float32 [N, A].

        Returns:
            float32 [N, A] with median 0 and, for the entry of each group that varies most, interquartile range 1.

        Raises:
            DataError: the actions have another number of entries.
        """
        if actions.shape[-1] != len(self.median):
            raise DataError(f"actions have {actions.shape[-1]} entries, expected {len(self.median)} as in training.")
        return (actions - self.median) / self.scale

    @classmethod
    def measure(cls, actions: NDArray[np.float32], groups: tuple[Group, ...]) -> Normalisation:
        """Measure median and scale on sample actions.

        The scale of a group is the largest interquartile range of its entries. A scale for each entry would amplify
        entries that hardly change (such as 6D entries at small rotations). Outliers affect a standard deviation much
        more than this range. A joint that rarely moves, such as a gripper, has interquartile range 0; then a wider
        range is used.

        Args:
            actions: float32 [N, A], of pairs drawn as in training; rows with NaN are ignored.
            groups: the groups of entries, from `ActionSpace.groups`.

        Returns:
            The normalisation.

        Raises:
            DataError: there is no action, or all actions are equal.
        """
        actions = actions[np.isfinite(actions).all(axis=1)]
        if len(actions) == 0:
            raise DataError("no pair of frames has an action. Choose another action space or check the joint stream.")
        if len(actions) > 1 and np.ptp(actions, axis=0).max() < 1e-6:  # rad, m or s: rounding
            raise DataError(
                "every action is the same: the arm did not move, or it moved equally between all pairs. Collect data "
                "with different motions, or choose another window or action space."
            )
        median, *borders = np.percentile(actions, (50, *_TAILS, *(100 - less for less in _TAILS)), axis=0)
        ranges = [upper - lower for lower, upper in zip(borders[: len(_TAILS)], borders[len(_TAILS) :], strict=True)]
        scale, at = np.empty_like(median), 0
        for group in groups:
            part = slice(at, at + group.size)
            found = (float(each[part].max()) for each in ranges)
            scale[part] = next((width for width in found if width > SCALE_FLOOR), SCALE_FLOOR)
            at += group.size
        return cls(median.astype(np.float32), scale.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """The normalisation as JSON values."""
        return {"median": self.median.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Normalisation:
        """The normalisation from the values that `to_json` returned."""
        return cls(np.asarray(values["median"], np.float32), np.asarray(values["scale"], np.float32))
