"""Features of many frames: the encoder in evaluation mode, batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Normalise = Callable[[Tensor], Tensor]
"""uint8 [N, S, S, 3] -> what the encoder takes; `Augmentation.plain` is one."""


def embed(
    encoder: nn.Module,
    frames: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    normalise: Normalise,
    *,
    device: torch.device | str = "cpu",
    batch: int = 256,
    workers: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Features float32 [N, D], on `device`, of the N chosen frames out of uint8 [F, S, S, 3] (which may be mapped).

    workers: threads that embed batches side by side. progress: called with the number of frames done since its last
    call. The encoder is left as it was, but on `device`.
    """
    was_training = encoder.training
    encoder.to(device).eval()

    @torch.inference_mode()  # of each thread its own
    def features_of(part: NDArray[np.int64]) -> Tensor:
        return encoder(normalise(torch.from_numpy(frames[part]).to(device))).float()

    batches = [chosen[start : start + batch] for start in range(0, len(chosen), batch)]
    parts = []
    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(features_of, batches) if workers > 1 else map(features_of, batches):
            parts.append(part)
            progress(len(part))
    encoder.train(was_training)
    # Cloned outside of inference mode, or the probe could not be fitted to them.
    return torch.cat(parts).clone()


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Within, torch computes each operation on one processor thread; yields how many there were, to use as `workers`.

    Batches side by side take less time than the threads of one batch, which wait for each other at every layer: where
    other programs hold the processors, several times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def calibrate_batch_norm(
    encoder: nn.Module,
    frames: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    normalise: Normalise,
    *,
    device: torch.device | str = "cpu",
) -> None:
    """Give batch normalisation the statistics of these frames, as training would have.

    An encoder that was never trained has none, and features that are worse for a reason that is not its weights.
    """
    norms = [module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
    with torch.inference_mode():
        for norm in norms:
            norm.momentum = 1.0  # one batch, taken whole
        encoder.to(device).train()
        encoder(normalise(torch.from_numpy(frames[chosen]).to(device)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    encoder.eval()
