"""Precision of an update: float32, or half precision if the processor is faster with it.

Weights, optimizer and losses stay float32; products inside encoder and heads use half precision (torch.autocast). With
the 5 exponent bits of float16, small gradients would become zero: so the loss is scaled up and gradients back down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from aassl_ros.errors import TrainingError
from aassl_ros.learning.compute.device import AUTO

PRECISIONS = (AUTO, "fp32", "bf16", "fp16")
MOST_OVERFLOWS = 20
"""Number of consecutive updates that may overflow: each halves the scale, from 65536 down to 1/16."""
_BF16_SINCE = (8, 0)  # compute capability of the first NVIDIA GPUs that support bf16
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(name: str, device: torch.device) -> str:
    """Resolve the setting `precision` for a device: auto is bf16 on a GPU that supports it, else fp32."""
    if name != AUTO:
        return name
    has_it = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _BF16_SINCE
    return "bf16" if has_it else "fp32"


class Precision:
    """Runs the forward pass, backward pass and optimizer step of an update in the given precision.

    name: fp32, bf16 or fp16.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = choose_precision(name, device)
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")  # does nothing otherwise
        self._overflows = 0

    def autocast(self) -> torch.autocast:
        """Return the context for the forward pass."""
        dtype = _HALVES.get(self.name, torch.bfloat16)
        return torch.autocast(self._device.type, dtype=dtype, enabled=self.name in _HALVES)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss` to those of the weights."""
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Let the optimizer change the weights. Returns False if gradients overflowed and the step was skipped.

        Raises TrainingError if too many consecutive updates overflowed.
        """
        if not self._scaler.is_enabled():
            optimizer.step()
            return True
        scale = self._scaler.get_scale()
        self._scaler.step(optimizer)
        self._scaler.update()
        overflowed = self._scaler.get_scale() < scale
        self._overflows = self._overflows + 1 if overflowed else 0
        if self._overflows >= MOST_OVERFLOWS:
            raise TrainingError(
                f"gradients overflowed half precision in {self._overflows} consecutive updates. "
                "Lower lr, or set precision to bf16 or fp32."
            )
        return not overflowed

    def state(self) -> dict[str, Any]:
        """Return the state that the next update depends on; empty except for fp16."""
        return {**self._scaler.state_dict(), "overflows": self._overflows} if self._scaler.is_enabled() else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state; a state of another precision is ignored. Raises KeyError if it is damaged."""
        if self._scaler.is_enabled() and state:
            self._overflows = int(state["overflows"])
            self._scaler.load_state_dict({name: value for name, value in state.items() if name != "overflows"})
