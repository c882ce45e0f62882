"""What a batch of pairs is scored by: a base objective on the two images and, as an add-on, the action term.

Each term owns its heads and turns pairs into one scalar; objectives/ holds them, update.py adds them up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor, nn

if TYPE_CHECKING:
    from aassl_ros.learning.training.settings import LearnerSettings

Term: TypeAlias = "Callable[[int, int, LearnerSettings], nn.Module]"
"""Makes a term from D (the encoder's features), A (entries of an action, 0 where none is looked at) and the settings.

The module takes Pairs and returns a scalar. A base that learns from labels gets their number in place of A.
"""


@dataclass(frozen=True)
class Pairs:
    """N pairs of images as every term sees them, each term taking what it needs.

    first, second: features f(x) and f(x'), float [N, D]; action: normalised, float [N, A]; slow: features of x and x'
    by the slow copy of the encoder, float [N, D] each and without gradient, empty where the method keeps no such copy;
    target: the object's category, int64 [N], None where the method learns without labels.
    """

    first: Tensor
    second: Tensor
    action: Tensor
    slow: tuple[Tensor, ...] = ()
    target: Tensor | None = None


PAIRS = ("classic", "time", "combined")
"""Two augmentations of one frame; two frames of one episode as they are; two frames, each augmented."""


@dataclass(frozen=True)
class Method:
    """A named preset over parts.

    pairs: one of PAIRS; the setting `pairs` may ask for others.
    base: makes the objective on the images; action_term: makes the add-on, None where there is none.
    slow_encoder: whether a slow copy of the encoder is kept, for terms that learn from one.
    base_uses_actions: whether already the base looks at actions. uses_labels: whether the base learns from the
    categories of objects.
    """

    pairs: str
    base: Term
    action_term: Term | None = None
    slow_encoder: bool = False
    base_uses_actions: bool = False
    uses_labels: bool = False

    @property
    def uses_actions(self) -> bool:
        return self.action_term is not None or self.base_uses_actions
