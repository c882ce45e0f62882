"""Batch norm over the batch of all ranks, as one process with that batch would compute it.

On GPUs torch's SyncBatchNorm does this and is used. It does not run on the CPU; RanksBatchNorm does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from aassl_ros.learning.distributed.ranks import rank_count


def synchronise_batch_norm(module: nn.Module, device: torch.device) -> None:
    """Make every batch norm in `module` use the rows of all ranks; without other ranks nothing changes.

    Weights, buffers and their names stay the same, so checkpoints do not depend on the number of processes.
    """
    if rank_count() == 1:
        return
    for name, child in module.named_children():
        if not isinstance(child, _BatchNorm):
            synchronise_batch_norm(child, device)
        elif device.type == "cuda":
            setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))
        else:
            setattr(module, name, RanksBatchNorm.of(child))


class RanksBatchNorm(_BatchNorm):
    """Batch norm of [N, C, ...] over N and the dimensions after C, of all ranks; every rank must have the same N."""

    @classmethod
    def of(cls, module: _BatchNorm) -> RanksBatchNorm:
        """Make one that shares the weights and buffers of `module`."""
        made = cls(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
        made.weight, made.bias = module.weight, module.bias
        made.running_mean, made.running_var = module.running_mean, module.running_var
        made.num_batches_tracked = module.num_batches_tracked
        return made.train(module.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any shape of two or more dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        normalised, mean, variance = _Normalise.apply(input, self.weight, self.bias, self.eps)
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            rows = rank_count() * input.numel() // input.shape[1]
            self.num_batches_tracked.add_(1)
            momentum = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * rows / (rows - 1), momentum)
        return normalised


class _Normalise(torch.autograd.Function):
    """Normalises rows and returns mean and variance [C] of all ranks' rows.

    The backward pass sums the gradients of rows over ranks, as `gather_rows` does. It does not sum those of the
    weights, which DDP averages.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = rows.to(torch.promote_types(rows.dtype, torch.float32))
        own = torch.stack(torch.var_mean(wide, dim=_all_but_channels(rows), correction=0))
        parts = [torch.empty_like(own) for _ in range(rank_count())]
        distributed.all_gather(parts, own)
        variances, means = torch.stack(parts, dim=1)
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + means.var(dim=0, correction=0)
        ctx.save_for_backward(rows, weight, mean, torch.rsqrt(variance + epsilon))
        ctx.mark_non_differentiable(mean, variance)
        return functional.batch_norm(rows, mean, variance, weight, bias, eps=epsilon), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, mean, scale = ctx.saved_tensors
        gradient, dims = gradients[0].to(mean.dtype), _all_but_channels(rows)
        standard = (rows - _wide(mean, rows)) * _wide(scale, rows)
        own = torch.stack([gradient.sum(dim=dims), (gradient * standard).sum(dim=dims)])
        total = own.clone()
        distributed.all_reduce(total)
        count = rank_count() * rows.numel() // rows.shape[1]
        slope = gradient - (_wide(total[0], rows) + standard * _wide(total[1], rows)) / count
        slope = slope * _wide(scale if weight is None else scale * weight, rows)
        of_weight, of_bias = (None, None) if weight is None else (own[1], own[0])
        return slope.to(rows.dtype), of_weight, of_bias, None


def _all_but_channels(rows: Tensor) -> list[int]:
    return [dim for dim in range(rows.ndim) if dim != 1]


def _wide(channels: Tensor, rows: Tensor) -> Tensor:
    """Reshape float [C] to [1, C, 1, ...], to broadcast with `rows`."""
    return channels.view(1, -1, *[1] * (rows.ndim - 2))
