"""One update of AA-SSL, from a batch of triplets (x, x', a) to new weights: the method on one page.

L = w_c L_c(f(x), f(x'))  +  w_a L_a(f(x), f(x'), a). With aa_simclr this is

L = w_c NTXent(p(f(x)), p(f(x')))  +  w_a NTXent(h(a), g(f(x), f(x')))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.errors import CheckpointError, TrainingError
from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.batches.later_frames import LaterFrames
from aassl_ros.learning.checkpoints.checkpoint import AVERAGED, Checkpoint
from aassl_ros.learning.checkpoints.facts import TrainingState
from aassl_ros.learning.compute.compiling import compile_in_place
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.compute.precision import Precision
from aassl_ros.learning.distributed.batch_norm import synchronise_batch_norm
from aassl_ros.learning.distributed.process_group import share_gradients, wrap_ddp
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.objectives.space_heads import SpaceHead
from aassl_ros.learning.optimization.adaptation import Adaptation
from aassl_ros.learning.optimization.moving_averages import AveragedEncoder
from aassl_ros.learning.optimization.optimizers import Schedule, make_optimizer
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner_checks import check_learner, check_precision
from aassl_ros.learning.training.network import Network

Images = NDArray[np.uint8] | Tensor


@dataclass(frozen=True)
class Losses:
    """Losses of one update.

    total: the weighted sum; base: the base term; action: the action term, None if there is none. Contrastive losses are
    in nats. For methods that use the action in their base, such as `sie`, `base` is the whole loss.
    """

    total: float
    base: float
    action: float | None


class Learner:
    """An encoder with its heads and optimizer. `aassl train` and the trainer node both call `step`.

    encoder: f. objective: p, g and h, and momentum copies if the method has any. steps: number of updates so far.
    features: f(x), float [n, D], of the newest batch, or of its last part.
    action_dimension: A, 0 if the method uses no actions. categories: number of labels, 0 if the method uses none.
    seen: object instances that the initial weights were trained on.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        action_dimension: int = 0,
        same_action: SameAction | None = None,
        categories: int = 0,
        schedule: Schedule | None = None,
        spaces: Sequence[SpaceHead] = (),
    ) -> None:
        """Make encoder, heads and optimizer. The initial weights follow from settings.seed.

        Args:
            settings: image_size must not be 0.
            action_dimension: A, 1 or more if the method uses actions.
            same_action: needed if settings.same_action is not 0.
            categories: 2 or more if the method uses labels.
            schedule: of the learning rate; None: constant.
            spaces: of the actions if there are several, A entries in all; each has heads of its own.

        Raises:
            ConfigError: the method cannot use same_action, the batch cannot be divided into so many parts, or this
                machine cannot compile.
            CheckpointError: settings.weights do not fit.
        """
        check_learner(settings, action_dimension, categories)
        method = METHODS[settings.method]
        self.settings = settings
        self.action_dimension = action_dimension if method.uses_actions else 0
        self.categories = categories if method.uses_labels else 0
        self.device = choose_device(settings.device)
        sizes = self.action_dimension, same_action, self.categories
        self.network = Network(settings, *sizes, spaces).to(self.device)
        check_precision(settings, self.device, self.network.encoder)
        synchronise_batch_norm(self.network, self.device)
        self.encoder, self.objective = self.network.encoder, self.network.objective
        self.seen = self.network.warm_start.instances if self.network.warm_start else ()
        self.adaptation = Adaptation(settings, self.encoder, self.network.encoder_copies)
        self.average = AveragedEncoder(self.encoder, settings.ema) if settings.ema else None
        if settings.compile:
            compile_in_place(self.encoder, self.device)
        self.augmentation = Augmentation(settings, settings.image_size)
        self.generator = torch.Generator().manual_seed(settings.seed)
        groups = self.adaptation.parameter_groups(self.network, settings.lr)
        self.optimizer = make_optimizer(settings.optimizer, groups, settings.lr, settings.weight_decay)
        self.precision = Precision(settings.precision, self.device)
        self._schedule = schedule or Schedule()
        self.features: Tensor | None = None
        self.steps = 0

    def step(
        self,
        first: Images,
        second: Images,
        action: NDArray[np.float32] | Tensor | None = None,
        target: NDArray[np.int64] | Tensor | None = None,
        later: LaterFrames | None = None,
    ) -> Losses:
        """Make one update on N pairs.

        Args:
            first, second: images x and x', uint8 [N, S, S, 3] RGB.
            action: float [N, A], normalised; NaN in the columns of other action spaces; None without an action term.
            target: int64 [N], the category of each pair's object; None without labels.
            later: the frames after each pair, for methods of sequences.

        Returns:
            the losses before the update.

        Raises:
            TrainingError: the loss is not finite, or a term returned no scalar; no weight was changed.
        """
        settings = self.settings
        self.network.train()
        self.adaptation.hold_still()
        self.optimizer.zero_grad()
        terms: list[list[Tensor]] = []
        sequences = self._later_parts(later)
        for part_first, part_second, part_action, part_target in self._parts(first, second, action, target):
            share_gradients(self._ddp, len(terms) + 1 == settings.accumulate)
            x, x_next = self._view(part_first), self._view(part_second)
            later_parts = next(sequences)

            with self.precision.autocast():
                contrastive, action_loss, features = self._ddp(x, x_next, part_action, part_target, *later_parts)
            self.features = features.detach()
            loss = settings.contrastive_weight * contrastive
            if action_loss is not None:
                loss = loss + settings.action_weight * action_loss

            penalty = self.adaptation.penalty(x, features)
            if penalty is not None:
                loss = loss + penalty

            self.precision.backward(loss / settings.accumulate)
            terms.append([term.detach() for term in (loss, contrastive, action_loss) if term is not None])

        losses = self._finite(terms)
        self._set_learning_rate()
        if self.precision.step(self.optimizer):
            self.network.follow()
            if self.average is not None:
                self.average.follow(self.steps + 1)
        self.steps += 1
        return losses

    @property
    def evaluated_encoder(self) -> nn.Module:
        """The encoder that a checkpoint will contain: the average of f if one is kept, else f."""
        return self.encoder if self.average is None else self.average.encoder

    @property
    def lr(self) -> float:
        """The learning rate of the newest update."""
        return float(self.optimizer.param_groups[-1]["lr"])

    def set_learning_rates(self, lr: float, encoder_lr: float) -> None:
        """Use other learning rates from the next update on; encoder_lr counts if the encoder had its own before."""
        self.settings = replace(self.settings, lr=lr, encoder_lr=encoder_lr)
        self._set_learning_rate()

    def weights(self) -> dict[str, Tensor]:
        """Copy all weights and buffers to the CPU, named encoder.*, objective.* and averaged_encoder.*."""
        weights = dict(self.network.state_dict())
        if self.average is not None:
            averaged = self.average.encoder.state_dict()
            weights |= {f"{AVERAGED}.{name}": tensor for name, tensor in averaged.items()}
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}

    def state(self) -> dict[str, Any]:
        """Return what the next update depends on besides the weights; loadable with weights_only."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "precision": self.precision.state(),
            "steps": self.steps,
            "adaptation": self.adaptation.state(),
        }

    def restore(self, checkpoint: Checkpoint, settings: LearnerSettings, state: TrainingState | None = None) -> None:
        """Restore weights, optimizer and random state of a checkpoint, and use `settings` from now on.

        state: in place of that of the checkpoint. Raises CheckpointError if the weights or the state do not fit.
        """
        self.settings, self.seen = settings, checkpoint.instances
        state = state or checkpoint.read_state()
        checkpoint.fill(self.encoder, "encoder")
        checkpoint.fill(self.objective, "objective")
        if self.average is not None:
            checkpoint.fill(self.average.encoder, AVERAGED)
        try:
            self.optimizer.load_state_dict(state.optimizer)
            self.generator.set_state(state.generator)
            self.precision.restore(state.precision)
            self.steps = state.steps
            self.adaptation.restore(state.adaptation)
        except (KeyError, ValueError, RuntimeError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(f"{checkpoint.path}: state.pt does not fit its weights ({error}).") from error
        self._set_learning_rate()
        for group in self.optimizer.param_groups:  # from the settings, not from the optimizer's saved state
            group["weight_decay"] = settings.weight_decay

    def _parts(
        self,
        first: Images,
        second: Images,
        action: NDArray[np.float32] | Tensor | None,
        target: NDArray[np.int64] | Tensor | None,
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
        """Move the batch to the device and divide its pairs into `accumulate` parts."""
        if self.action_dimension == 0:
            action = torch.empty(len(first), 0)
        if action is None:
            raise ValueError(f"{self.settings.method} needs actions, none were given")
        whole = first, second, self._on_device(action).float()
        parts = [self._on_device(array).chunk(self.settings.accumulate) for array in whole]
        targets = [None] * len(parts[0]) if target is None else self._on_device(target).chunk(len(parts[0]))
        yield from zip(*parts, targets, strict=True)

    def _later_parts(self, later: LaterFrames | None) -> Iterator[tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
        """Move the later frames to the device, augment them, and divide them like the pairs: (images, actions)."""
        wanted, given = METHODS[self.settings.method].later_frames, 0 if later is None else len(later.images)
        if wanted != given:
            raise ValueError(f"{self.settings.method} needs {wanted} frames after each pair, {given} were given")
        parts = self.settings.accumulate
        if later is None:
            yield from repeat(((), ()), parts)
            return
        images = [self._on_device(each).chunk(parts) for each in later.images]
        actions = [self._on_device(each).float().chunk(parts) for each in later.actions]
        for number in range(parts):
            yield tuple(self._view(each[number]) for each in images), tuple(each[number] for each in actions)

    def _view(self, images: Tensor) -> Tensor:
        """Make the encoder's input of images uint8 [N, S, S, 3]: augmented, except for pairs of the kind "time"."""
        if self.settings.pair_kind == "time":
            return self.augmentation.plain(images)
        return self.augmentation(images, self.generator)

    @cached_property
    def _ddp(self) -> nn.Module:
        """The network, its gradients averaged over ranks. Made at the first update, because ranks connect here."""
        return wrap_ddp(self.network)

    def _finite(self, terms: list[list[Tensor]]) -> Losses:
        """Average the losses over the parts of the batch. Raises TrainingError if the total is not finite."""
        # Read all numbers at once, because each read waits for the GPU.
        numbers = torch.stack([torch.stack(part).float() for part in terms]).mean(dim=0).tolist()
        losses = Losses(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None)
        if not math.isfinite(losses.total):
            half = f", or set precision to bf16 or fp32 (now {self.precision.name})"
            raise TrainingError(
                f"the loss is {losses.total} at step {self.steps + 1}. Lower lr (now {self.settings.lr:g})"
                f"{half if self.precision.name == 'fp16' else ''}."
            )
        return losses

    def _set_learning_rate(self) -> None:
        groups = self.optimizer.param_groups
        rates = (self.settings.encoder_lr, self.settings.lr)[-len(groups) :]  # the encoder's own group comes first
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * self._schedule.factor(self.steps)

    def _on_device(self, array: NDArray[Any] | Tensor) -> Tensor:
        return torch.as_tensor(array).to(self.device, non_blocking=True)
