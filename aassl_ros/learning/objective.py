"""What a batch of pairs is scored by: a base objective on the two images and, as an add-on, the action term.

Each part owns its heads and turns features into one scalar; update.py adds the parts up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from aassl_ros.learning.heads import ActionHead, JointHead, Projector
from aassl_ros.learning.losses.nt_xent import nt_xent

if TYPE_CHECKING:
    from aassl_ros.learning.train_settings import LearnerSettings


class SimCLR(nn.Module):
    """NTXent(p(f(x)), p(f(x'))): the two images of a pair know each other among all others of the batch."""

    def __init__(self, features: int, settings: LearnerSettings) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.projector = Projector(features)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """first, second: features float [N, D] of the two images. Returns a scalar in nats."""
        return nt_xent(self.projector(first), self.projector(second), temperature=self.temperature)


class ActionAlignment(nn.Module):
    """NTXent(h(a), g(f(x), f(x'))): the two images of a pair and the action between them know each other."""

    def __init__(self, features: int, action_dimension: int, settings: LearnerSettings) -> None:
        super().__init__()
        self.temperature = settings.action_temperature
        self.joint_head = JointHead(features, settings.fusion)
        self.action_head = ActionHead(action_dimension, features)

    def forward(self, first: Tensor, second: Tensor, action: Tensor) -> Tensor:
        """first, second: features float [N, D]; action: normalised float [N, A]. Returns a scalar in nats."""
        return nt_xent(self.action_head(action), self.joint_head(first, second), temperature=self.temperature)


@dataclass(frozen=True)
class Method:
    """A named preset over parts.

    pairs: "classic" (two augmentations of one frame) or "combined" (two frames of one episode, each augmented).
    base: makes the objective on the images; action_term: makes the add-on, None where actions are not looked at.
    """

    pairs: str
    base: Callable[[int, LearnerSettings], nn.Module]
    action_term: Callable[[int, int, LearnerSettings], nn.Module] | None = None
