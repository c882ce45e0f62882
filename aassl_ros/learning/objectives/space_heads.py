"""An action term for several action spaces: robots share encoder and projector, each space has its own heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.learning.objectives.base import ObjectiveSettings, Pairs
from aassl_ros.learning.objectives.same_action import SameAction, mask_same_actions


@dataclass(frozen=True)
class SpaceHead:
    """What the heads of one action space are built for.

    key: name of the heads among the weights. size: A, entries of an action. same_action: as in Learner.
    """

    key: str
    size: int
    same_action: SameAction | None = None

    @classmethod
    def several(cls, spaces: Sequence[ScaledSpace], settings: ObjectiveSettings) -> tuple[SpaceHead, ...]:
        """One for each space; none if it is a single space, whose term needs no heads by name."""
        if len(spaces) < 2:
            return ()
        return tuple(cls(each.key, each.size, SameAction.of(settings.same_action, *each)) for each in spaces)


class SpaceHeads(nn.Module):
    """The mean over the pairs of a batch of the action term of each pair's own space.

        L_a = sum over spaces s of  N_s / N  L_a(pairs of s; heads of s)

    So negatives and batch norms of a space see its own pairs only. A space with fewer than two pairs in a batch has no
    loss in it, and its heads get no gradient.
    heads: the action term of each space by its key, in the order of the columns of actions.
    """

    def __init__(
        self, spaces: Sequence[SpaceHead], build: Callable[[int], nn.Module], settings: ObjectiveSettings
    ) -> None:
        """build: makes the action term for actions of so many entries. Raises like `mask_same_actions`."""
        super().__init__()
        self.heads = nn.ModuleDict()
        for space in spaces:
            term = build(space.size)
            mask_same_actions(nn.ModuleDict({"action": term}), space.same_action, settings)
            self.heads[space.key] = term
        self._sizes = [space.size for space in spaces]

    def forward(self, pairs: Pairs) -> Tensor:
        """Return a scalar. The actions have the columns of all spaces; those of other spaces are NaN."""
        losses, counts = [], []
        for term, action in zip(self.heads.values(), pairs.action.split(self._sizes, dim=1), strict=True):
            rows = (~action.isnan().all(dim=1)).nonzero()[:, 0]
            if len(rows) < 2:
                continue
            own = replace(
                pairs,
                first=pairs.first[rows],
                second=pairs.second[rows],
                action=action[rows],
                slow=tuple(features[rows] for features in pairs.slow),
            )
            losses.append(len(rows) * term(own))
            counts.append(len(rows))
        if not losses:
            return 0 * pairs.first.sum()
        return sum(losses[1:], losses[0]) / sum(counts)
