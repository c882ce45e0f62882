"""The heads that bring images and actions together, shared by the action terms."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import ActionHead, JointHead


class Alignment(nn.Module):
    """g and h: they embed the two images of a pair and the action between them; subclasses compare the two."""

    def __init__(self, joint_head: JointHead, action_head: ActionHead) -> None:
        super().__init__()
        self.joint_head = joint_head
        self.action_head = action_head

    def embed(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """g(f(x), f(x')) and h(a), float [N, E] each: learnt well, row i of one is nearest row i of the other."""
        action = self.action_head(pairs.action)
        return self.joint_head(pairs.first, pairs.second), action
