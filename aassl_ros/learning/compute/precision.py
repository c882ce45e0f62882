"""How precisely an update computes: float32, or half of that where the processor is quicker at it.

Weights, optimizer and losses stay float32; half are the products inside encoder and heads (torch.autocast). The 5 bits
of float16's exponent would flush small gradients to zero, so with it the loss is scaled up and gradients back down.
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
"""Updates that may overflow one after the other: each halves the scale, from 65536 to a sixteenth in the end."""
_BF16_SINCE = (8, 0)  # compute capability of the first NVIDIA GPU that has it
_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(name: str, device: torch.device) -> str:
    """What the setting `precision` means on a device: auto is bf16 on a GPU that has it, else fp32."""
    if name != AUTO:
        return name
    has_it = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _BF16_SINCE
    return "bf16" if has_it else "fp32"


class Precision:
    """The three places of an update where precision matters: forward, backward and the optimizer's step.

    name: fp32, bf16 or fp16.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = choose_precision(name, device)
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")  # else it does nothing
        self._overflows = 0

    def autocast(self) -> torch.autocast:
        """The context of the forward pass."""
        dtype = _HALVES.get(self.name, torch.bfloat16)
        return torch.autocast(self._device.type, dtype=dtype, enabled=self.name in _HALVES)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss` to those of the weights."""
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Let the optimizer change the weights. False where gradients overflowed and it was left out.

        Raises TrainingError where too many updates overflowed one after the other.
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
                f"gradients overflowed half precision in {self._overflows} updates one after the other. "
                "Lower lr, or set precision to bf16 or fp32."
            )
        return not overflowed

    def state(self) -> dict[str, Any]:
        """What the next update depends on: empty but for fp16."""
        return {**self._scaler.state_dict(), "overflows": self._overflows} if self._scaler.is_enabled() else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; one of another precision leaves this one fresh. Raises KeyError on a damaged one."""
        if self._scaler.is_enabled() and state:
            self._overflows = int(state["overflows"])
            self._scaler.load_state_dict({name: value for name, value in state.items() if name != "overflows"})
