"""Which pairs of a batch have the same action within a tolerance: they should not be negatives of each other."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.displacements import angle_unit
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.errors import ConfigError
from aassl_ros.learning.distributed.ranks import gather_rows
from aassl_ros.learning.objectives.base import ObjectiveSettings


class SameAction(nn.Module):
    """Finds which normalised actions of a batch are the same, by the meaning of their entries. It has no weights.

    Two rotations are the same if the angle between them is at most `degrees`. Joints, recorded angles and turn sizes
    are the same if no entry differs by more. If an action also has a translation, the translations must
    agree, too; their tolerance is the same share of their usual size.
    """

    def __init__(self, space: ActionSpace, normalisation: Normalisation, degrees: float) -> None:
        """space: with its components named, as a checkpoint has it. Raises ConfigError if its entries are not angles.

        normalisation: of that space. degrees: the tolerance.
        """
        super().__init__()
        self.rotation = space.rotation if "rotation" in space.components else None
        recorded_angles = space.name == "recorded" and all(angle_unit(name) for name in space.components)
        self.cosines = recorded_angles and space.rotation == "6d"
        mixed = self.rotation is not None and not {"rotation", "translation"}.issuperset(space.components)
        angles = self.rotation is not None or recorded_angles or space.name in ("joints", "commands", "turn_size")
        if mixed or not angles:
            raise ConfigError(
                f"same_action = {degrees:g} degrees, but the action space {space} "
                "has entries that are not angles. Set same_action to 0."
            )
        self.tolerance = math.radians(degrees)
        self.median: Tensor
        self.scale: Tensor
        # Not saved with the weights: the checkpoint has them as the normalisation of its action space.
        for name, values in (("median", normalisation.median), ("scale", normalisation.scale)):
            self.register_buffer(name, torch.from_numpy(np.array(values, np.float64)), persistent=False)

    @classmethod
    def of(cls, degrees: float, space: ActionSpace | None, normalisation: Normalisation | None) -> SameAction | None:
        """Return None if the setting `same_action` is 0 or the method uses no actions."""
        return None if degrees == 0 or space is None or normalisation is None else cls(space, normalisation, degrees)

    @torch.no_grad()
    def forward(self, action: Tensor) -> Tensor:
        """Compare every two actions: normalised float [M, A] -> bool [M, M], true on the diagonal."""
        action = action.double() * self.scale + self.median
        if self.cosines:  # pairs of cosine and sine
            action = torch.atan2(action[:, 1::2], action[:, ::2])
        if self.rotation is None:
            difference = torch.remainder(action[:, None] - action + math.pi, 2 * math.pi) - math.pi
            return difference.abs().amax(dim=2) <= self.tolerance
        entries = 3 if self.rotation == "vector" else 6
        turns = _matrices(action[:, :entries]).flatten(1)
        # Two rotation matrices an angle t apart have the distance 2 sqrt(2) sin(t / 2), which is precise for any t.
        same = _distances(turns) <= 2 * math.sqrt(2) * math.sin(min(self.tolerance, math.pi) / 2) + 1e-9
        if action.shape[1] > entries:
            share = self.tolerance / self.scale[0]
            same &= _distances(action[:, entries:]) <= share * self.scale[entries]
        return same


class MasksSameActions(nn.Module):
    """An action term whose negatives are the other pairs of a batch; pairs with the same action can be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.same_action: SameAction | None = None

    def same(self, action: Tensor) -> Tensor | None:
        """Return bool [M, M], true for the same action, over the pairs of all ranks; None if all pairs are negatives.

        action: normalised float [N, A] of this rank.
        """
        return None if self.same_action is None else self.same_action(gather_rows(action))


def mask_same_actions(objective: nn.ModuleDict, same_action: SameAction | None, settings: ObjectiveSettings) -> None:
    """Set up the action term of `objective` to leave out the negatives that `settings.same_action` asks for.

    Raises ConfigError if the action term has no negatives, ValueError if `same_action` is needed and missing.
    """
    if settings.same_action == 0:
        return
    if "action" not in objective or not isinstance(objective["action"], MasksSameActions):
        raise ConfigError(
            f"same_action = {settings.same_action:g}, but {settings.method} does not use other actions as negatives. "
            "Set it to 0, or use the method aa_simclr, aa_aw_simclr or aa_mocov3."
        )
    if same_action is None:
        raise ValueError(f"same_action = {settings.same_action:g} needs the action space and its normalisation")
    objective["action"].same_action = same_action


def _distances(rows: Tensor) -> Tensor:
    # Not by matrix product, which would round small distances to zero.
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")


def _matrices(turn: Tensor) -> Tensor:
    """Return rotation matrices [M, 3, 3] of rotation vectors [M, 3], or of first two columns [M, 6]."""
    if turn.shape[1] == 6:
        first, second = turn[:, :3], turn[:, 3:]
        return torch.stack([first, second, torch.linalg.cross(first, second)], dim=2)
    x, y, z = turn.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(cross)
