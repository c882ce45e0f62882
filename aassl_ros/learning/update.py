"""One update of AA-SSL, from a batch of triplets (x, x', a) to new weights: the method on one page.

L = w_c L_c(f(x), f(x'))  +  w_a L_a(f(x), f(x'), a); with aa_simclr

L = w_c NTXent(p(f(x)), p(f(x')))  +  w_a NTXent(h(a), g(f(x), f(x')))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.errors import CheckpointError, TrainingError
from aassl_ros.learning.augmentation import Augmentation
from aassl_ros.learning.checkpoint import Checkpoint
from aassl_ros.learning.encoders import build_encoder
from aassl_ros.learning.methods import METHODS
from aassl_ros.learning.objective import Pairs
from aassl_ros.learning.objectives.slow import SlowCopy
from aassl_ros.learning.same_action import SameAction, mask_same_actions
from aassl_ros.learning.train_settings import LearnerSettings, choose_device

Images = NDArray[np.uint8] | Tensor


@dataclass(frozen=True)
class Losses:
    """Losses of one update: the weighted sum, the base objective, the action term where there is one.

    Contrastive ones are in nats. `contrastive` is the base whatever it is: `sie` has all it learns from in there.
    """

    total: float
    contrastive: float
    action: float | None


class Learner:
    """An encoder with its heads and optimizer; `aassl train` and the trainer node alike call `step`.

    encoder: f; objective: p, g and h, and slow copies where the method has any; steps: updates so far;
    action_dimension: A, 0 where no action is looked at; categories: of the labels, 0 where none are learnt from.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        action_dimension: int = 0,
        same_action: SameAction | None = None,
        categories: int = 0,
    ) -> None:
        """settings.image_size must be given, same_action where settings.same_action is not 0.
        categories: how many there are, where the method learns from labels. The weights follow from settings.seed.

        Raises ConfigError where the method has no use for same_action.
        """
        method = METHODS[settings.method]
        if method.uses_actions and action_dimension < 1:
            raise ValueError(f"{settings.method} needs actions of at least one dimension, found {action_dimension}")
        if method.uses_labels and categories < 2:
            raise ValueError(f"{settings.method} needs two categories or more, found {categories}")
        if settings.image_size < 1:
            raise ValueError("image_size is 0: resolve it by the data before a learner is made")
        self.settings = settings
        self.action_dimension = action_dimension if method.uses_actions else 0
        self.categories = categories if method.uses_labels else 0
        self.device = choose_device(settings.device)
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
            torch.manual_seed(settings.seed)
            self.encoder = build_encoder(settings.encoder, settings.width, settings.stem)
            sizes = self.encoder.features, self.action_dimension
            of_base = (sizes[0], self.categories) if method.uses_labels else sizes
            self.objective = torch.nn.ModuleDict({"base": method.base(*of_base, settings)})
            if method.action_term is not None:
                self.objective["action"] = method.action_term(*sizes, settings)
        if method.slow_encoder:
            self.objective["slow_encoder"] = SlowCopy(self.encoder, settings.slow_momentum)
        self._slow_copies = [part for part in self.objective.modules() if isinstance(part, SlowCopy)]
        mask_same_actions(self.objective, same_action, settings)
        self.encoder.to(self.device)
        self.objective.to(self.device)
        self.augmentation = Augmentation(settings, settings.image_size)
        self.generator = torch.Generator().manual_seed(settings.seed)
        parameters = [*self.encoder.parameters(), *self.objective.parameters()]
        learnt = [parameter for parameter in parameters if parameter.requires_grad]  # not those of slow copies
        self.optimizer = torch.optim.AdamW(learnt, settings.lr, weight_decay=settings.weight_decay, fused=True)
        self.steps = 0

    def step(
        self,
        first: Images,
        second: Images,
        action: NDArray[np.float32] | Tensor | None = None,
        target: NDArray[np.int64] | Tensor | None = None,
    ) -> Losses:
        """Learn from N pairs: first, second uint8 [N, S, S, 3]; action float [N, A], normalised (None: no action term);
        target int64 [N], the category of each pair's object (None: no labels).

        Raises TrainingError, before any weight is changed, where the loss is not finite.
        """
        self.encoder.train()
        self.objective.train()
        x = self.augmentation(self._on_device(first), self.generator)
        x_next = self.augmentation(self._on_device(second), self.generator)

        # One view after the other, so that batch norm sees N images of one kind and not 2 N.
        f, f_next = self.encoder(x), self.encoder(x_next)
        target = None if target is None else self._on_device(target)
        pairs = Pairs(f, f_next, self._action(action, len(f)), self._slow_features(x, x_next), target)
        contrastive = self.objective["base"](pairs)
        loss = self.settings.contrastive_weight * contrastive
        action_loss = None
        if "action" in self.objective:
            action_loss = self.objective["action"](pairs)
            loss = loss + self.settings.action_weight * action_loss

        losses = Losses(loss.item(), contrastive.item(), None if action_loss is None else action_loss.item())
        if not math.isfinite(losses.total):
            raise TrainingError(
                f"the loss is {losses.total} at step {self.steps + 1}. Lower lr (now {self.settings.lr:g})."
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for slow_copy in self._slow_copies:
            slow_copy.follow()
        self.steps += 1
        return losses

    def weights(self) -> dict[str, Tensor]:
        """Copies on the CPU of all weights and buffers, named encoder.* and objective.*."""
        modules = {"encoder": self.encoder, "objective": self.objective}
        return {
            f"{prefix}.{name}": tensor.detach().to("cpu", copy=True).contiguous()
            for prefix, module in modules.items()
            for name, tensor in module.state_dict().items()
        }

    def state(self) -> dict[str, Any]:
        """What beside the weights the next update depends on; loadable with weights_only."""
        return {"optimizer": self.optimizer.state_dict(), "generator": self.generator.get_state(), "steps": self.steps}

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, settings: LearnerSettings | None = None) -> Learner:
        """Go on from a checkpoint, with its own settings or with others of the same architecture and method.

        Raises CheckpointError where the weights or the optimizer's state do not fit.
        """
        settings = settings or checkpoint.settings
        same_action = SameAction.of(settings.same_action, checkpoint.action_space, checkpoint.normalisation)
        learner = cls(settings, checkpoint.action_dimension, same_action, checkpoint.categories)
        state = checkpoint.read_state()
        checkpoint.fill(learner.encoder, "encoder")
        checkpoint.fill(learner.objective, "objective")
        try:
            learner.optimizer.load_state_dict(state["optimizer"])
            learner.generator.set_state(state["generator"])
            learner.steps = state["steps"]
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise CheckpointError(f"{checkpoint.path}: state.pt does not fit its weights ({error}).") from error
        for group in learner.optimizer.param_groups:  # the settings speak, not what the optimizer remembers
            group["lr"], group["weight_decay"] = learner.settings.lr, learner.settings.weight_decay
        return learner

    def _action(self, action: NDArray[np.float32] | Tensor | None, count: int) -> Tensor:
        """Actions as the terms take them: float32 [N, A], [N, 0] where the method looks at none."""
        if self.action_dimension == 0:
            return torch.empty(count, 0, device=self.device)
        if action is None:
            raise ValueError(f"{self.settings.method} learns from actions, none were given")
        return self._on_device(action).float()

    def _slow_features(self, x: Tensor, x_next: Tensor) -> tuple[Tensor, ...]:
        """Features of both images by the slow copy of the encoder, nothing where the method keeps none."""
        if "slow_encoder" not in self.objective:
            return ()
        slow = self.objective["slow_encoder"]
        return slow(x), slow(x_next)

    def _on_device(self, array: NDArray[Any] | Tensor) -> Tensor:
        return torch.as_tensor(array).to(self.device, non_blocking=True)
