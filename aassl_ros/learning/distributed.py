"""Several processes that learn as one: gradients shared."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aassl_ros.learning.ranks import rank_count


def taught_together(module: nn.Module) -> nn.Module:
    """`module`, its gradients averaged over all ranks as they are computed; without other ranks module itself.

    Raises RuntimeError, on every rank, where ranks hold weights of other shapes.
    """
    if rank_count() == 1:
        return module
    # Synchronised batch norm keeps the buffers of all ranks the same, so nobody needs to hand them round.
    return DistributedDataParallel(module, broadcast_buffers=False, gradient_as_bucket_view=True)


def share_gradients(module: nn.Module, now: bool) -> None:
    """Whether the next backward pass through `module` shares its gradients, or leaves them for a later one to share."""
    if isinstance(module, DistributedDataParallel):
        module.require_backward_grad_sync = now
