"""Our augmentation against kornia's modules, timed in turn: images a second of each and their ratio.

.venv/bin/python benchmarks/augmentation.py [--threads N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import kornia.augmentation as kornia
import numpy as np
import torch
from torch import Tensor, nn

from aassl_ros.learning.augmentation.augmentation import Augmentation, AugmentationSettings

BATCH, SIZE, ROUNDS = 256, 64, 15


def kornias(settings: AugmentationSettings) -> nn.Module:
    """The same crop, jitter and gray as modules of kornia."""
    jitter = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
    return nn.Sequential(
        kornia.RandomResizedCrop((SIZE, SIZE), (settings.crop_minimum, 1.0), (3 / 4, 4 / 3)),
        kornia.ColorJitter(*jitter, p=settings.jitter_probability),
        kornia.RandomGrayscale(p=settings.gray_probability),
    )


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="processor threads of torch (default 1)")
    torch.set_num_threads(parser.parse_args().threads)
    settings = AugmentationSettings()
    images = torch.randint(0, 256, (BATCH, SIZE, SIZE, 3), dtype=torch.uint8)
    ours, theirs = Augmentation(settings, SIZE), kornias(settings)
    generator = torch.Generator().manual_seed(0)

    def by_kornia() -> Tensor:
        planes = theirs(images.permute(0, 3, 1, 2).contiguous().float() / 255)
        return ((planes - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)

    times = np.array([[seconds(lambda: ours(images, generator)), seconds(by_kornia)] for _ in range(ROUNDS + 1)])[1:]
    rates = BATCH / np.median(times, axis=0)
    ratio = np.median(times[:, 1] / times[:, 0])
    print(f"ours {rates[0]:.0f} images/s, kornia {rates[1]:.0f} images/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
