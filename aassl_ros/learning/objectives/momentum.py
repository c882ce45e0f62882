"""Base classes of methods that use a momentum copy of their own weights (BYOL, MoCo v3), and of their action terms.

"bar" marks a momentum copy. It gets no gradients; after every update it moves towards the weights that it copies:

    L_c = l(q_p p f(x), bar p bar f(x')) + l(q_p p f(x'), bar p bar f(x))
    L_a = l(q_g g(f(x), f(x')), bar h(a)) + l(q_h h(a), bar g(bar f(x), bar f(x')))
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import ActionHead, JointHead
from aassl_ros.learning.optimization.moving_averages import MomentumCopy


class MomentumBase(nn.Module, ABC):
    """L_c, from projector p and predictor q_p; subclasses define l. Needs the features of the encoder's momentum copy.

    momentum: the share of its weights that a copy keeps at each update.
    """

    def __init__(self, projector: nn.Module, predictor: nn.Module, momentum: float) -> None:
        super().__init__()
        self.projector = projector
        self.predictor = predictor
        self.slow_projector = MomentumCopy(projector, momentum)

    def forward(self, pairs: Pairs) -> Tensor:
        slow_first, slow_second = pairs.slow
        query = self.predictor(self.projector(pairs.first))
        query_next = self.predictor(self.projector(pairs.second))
        key, key_next = self.slow_projector(slow_first), self.slow_projector(slow_second)
        return self.loss(query, key_next) + self.loss(query_next, key)

    @abstractmethod
    def loss(self, query: Tensor, key: Tensor) -> Tensor:
        """Return l(query, key), a scalar, of two float [N, E]."""


class MomentumAlignment(Alignment, ABC):
    """L_a, from g, h, q_g and q_h; subclasses define l. Needs the features of the encoder's momentum copy.

    momentum: the share of its weights that a copy keeps at each update.
    """

    def __init__(
        self,
        joint_head: JointHead,
        action_head: ActionHead,
        joint_predictor: nn.Module,
        action_predictor: nn.Module,
        momentum: float,
    ) -> None:
        super().__init__(joint_head, action_head)
        self.joint_predictor = joint_predictor
        self.action_predictor = action_predictor
        self.slow_joint_head = MomentumCopy(joint_head, momentum)
        self.slow_action_head = MomentumCopy(action_head, momentum)

    def forward(self, pairs: Pairs) -> Tensor:
        joint = self.joint_predictor(self.joint_head(pairs.first, pairs.second))
        action = self.action_predictor(self.action_head(pairs.action))
        # The copy of the joint head takes features of the encoder's copy. The authors' code feeds it features of the
        # trained encoder, which mixes the two.
        slow_joint, slow_action = self.slow_joint_head(*pairs.slow), self.slow_action_head(pairs.action)
        return self.loss(joint, slow_action, pairs.action) + self.loss(action, slow_joint, pairs.action)

    def embed(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return q_g g(f(x), f(x')) and bar h(a), float [N, E] each: the loss brings them together."""
        return self.joint_predictor(self.joint_head(pairs.first, pairs.second)), self.slow_action_head(pairs.action)

    @abstractmethod
    def loss(self, query: Tensor, key: Tensor, action: Tensor) -> Tensor:
        """Return l(query, key), a scalar, of two float [N, E]. action: normalised, float [N, A]."""
