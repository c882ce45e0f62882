"""A copy of a replay buffer's frames on the device that trains: a batch then moves only indices and actions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.buffer import ReplayBuffer

_AT_ONCE = 4096
"""Frames that are copied at once: 50 MB of 64 px."""
_FREE_SHARE = 0.5

OFF, ON, AUTO = "off", "on", "auto"
CHOICES = (OFF, ON, AUTO)


@dataclass(frozen=True)
class DevicePairs:
    """N pairs of frames on the device.

    first, second: uint8 [N, S, S, 3]. actions: float32 [N, A] on the host, not normalised.
    """

    first: Tensor
    second: Tensor
    actions: NDArray[np.float32]


class DeviceFrames:
    """Copies the frames of a buffer; belongs to one thread. Memory: capacity x frame size on the device."""

    def __init__(self, buffer: ReplayBuffer, device: torch.device) -> None:
        self.buffer = buffer
        self._device = device
        self._frames = torch.zeros(buffer.frames.shape, dtype=torch.uint8, device=device)
        self._serials = np.zeros(buffer.capacity, np.int64)
        self._copied = 0

    def sample(self, batch: int, window: Window, space: ActionSpace | None, rng: np.random.Generator) -> DevicePairs:
        """Draw the pairs that ReplayBuffer.sample draws, for the same arguments."""
        pairs = self.buffer.draw(0, window, space, rng)
        frames = [(self._frames[:0], self._frames[:0])]
        while len(pairs) < batch:
            drawn = self.buffer.draw(batch, window, space, rng, without=pairs)
            self._update()
            here = np.stack([self._serials[drawn.first], self._serials[drawn.second]], axis=1)
            drawn = drawn.take((here == drawn.serials).all(axis=1))
            # Taken at once: the next update may replace them.
            frames.append((self._frames[self._on_device(drawn.first)], self._frames[self._on_device(drawn.second)]))
            pairs = pairs.and_then(drawn)
        first, second = (torch.cat(parts) for parts in zip(*frames, strict=True))
        return DevicePairs(first, second, pairs.actions)

    def _update(self) -> None:
        """Copy the frames that came since the last time."""
        upto = self.buffer.appended
        slots, serials = self.buffer.slots_since(self._copied)
        for start in range(0, len(slots), _AT_ONCE):
            part, expected = slots[start : start + _AT_ONCE], serials[start : start + _AT_ONCE]
            frames = self.buffer.frames[part]
            whole = self.buffer.serial[part] == expected  # a slot loses its serial before its frame changes
            part, expected, frames = part[whole], expected[whole], frames[whole]
            self._serials[part] = expected
            self._frames[self._on_device(part)] = torch.from_numpy(frames).to(self._device)
        self._copied = upto

    def _on_device(self, slots: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(slots).to(self._device)


def wants_copy(choice: str, buffer: ReplayBuffer, device: torch.device) -> bool:
    """Whether the frames are copied to the device: `auto` does so on a GPU with at least twice that memory free."""
    if choice == AUTO:
        return device.type == "cuda" and buffer.frames.nbytes < _FREE_SHARE * torch.cuda.mem_get_info(device)[0]
    return choice == ON
