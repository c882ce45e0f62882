"""The heads that embed images and actions in one space, shared by the action terms."""

from __future__ import annotations

from torch import Tensor, nn

from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import ActionHead, JointHead


class Alignment(nn.Module):
    """Embeds the two images of a pair (joint head g) and the action between them (h); subclasses compare the two."""

    def __init__(self, joint_head: JointHead, action_head: ActionHead) -> None:
        super().__init__()
        self.joint_head = joint_head
        self.action_head = action_head

    def embed(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return g(f(x), f(x')) and h(a), float [N, E] each.

        Training brings row i of one close to row i of the other.
        """
        action = self.action_head(pairs.action)
        return self.joint_head(pairs.first, pairs.second), action
