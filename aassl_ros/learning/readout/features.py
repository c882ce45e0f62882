"""Features of many frames: the encoder in evaluation mode, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.prepared.arrays import Frames

Normalise = Callable[[Tensor], Tensor]
"""Makes the encoder's input of images uint8 [N, S, S, 3], as `Augmentation.plain` does."""


def embed(
    encoder: nn.Module,
    frames: Frames,
    chosen: NDArray[np.int64],
    normalise: Normalise,
    *,
    device: torch.device | str = "cpu",
    batch: int = 256,
    workers: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Embed the N chosen frames. Returns features float32 [N, D], on `device`.

    frames: uint8 [F, S, S, 3], may be memory-mapped; chosen: int64 [N], indices into them.
    workers: number of threads that embed batches in parallel.
    progress: called with the number of frames done since its last call.
    The encoder is moved to `device`, and is not changed otherwise.
    """
    was_training = encoder.training
    encoder.to(device).eval()

    @torch.inference_mode()  # set here, because each thread has its own mode
    def features_of(part: NDArray[np.int64]) -> Tensor:
        return encoder(normalise(torch.from_numpy(frames[part]).to(device))).float()

    batches = [chosen[start : start + batch] for start in range(0, len(chosen), batch)]
    parts = []
    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(features_of, batches) if workers > 1 else map(features_of, batches):
            parts.append(part)
            progress(len(part))
    encoder.train(was_training)
    # Cloned outside of inference mode; otherwise the probe could not be fitted to them.
    return torch.cat(parts).clone()


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Let torch use one processor thread per operation in this context. Yields the former number, to use as `workers`.

    Batches in parallel are faster than several threads in one batch, which wait for each other at every layer. If other
    programs use the processors, they are several times faster.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def calibrate_batch_norm(
    encoder: nn.Module,
    frames: Frames,
    chosen: NDArray[np.int64],
    normalise: Normalise,
    *,
    device: torch.device | str = "cpu",
) -> None:
    """Set the statistics of batch normalisation to those of these frames, as training would.

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
