"""What an online trainer does if an update does not fit into the memory: it computes the batch in smaller parts."""

from __future__ import annotations

from dataclasses import replace

import torch

from aassl_ros.errors import TrainingError, first_line
from aassl_ros.learning.settings import LearnerSettings

_FEWEST = 8
"""Pairs in the smallest part: with fewer negatives a contrastive loss says little."""


def out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory, on the GPU or on the CPU."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


def smaller_parts(settings: LearnerSettings, error: RuntimeError) -> tuple[LearnerSettings, str]:
    """Choose smaller parts for the batch after an update did not fit into the memory.

    Args:
        settings: with which it did not fit.
        error: what torch said.

    Returns:
        the settings with the next larger `accumulate` that divides the batch, at least twice the present one; and a
        line for the user.

    Raises:
        TrainingError: the parts would have fewer than 8 pairs.
    """
    batch, now = settings.batch, settings.accumulate
    parts = next((count for count in range(2 * now, batch // _FEWEST + 1) if batch % count == 0), 0)
    if not parts:
        raise TrainingError(
            f"not even {batch // now} pairs fit into the memory ({first_line(error)}). Choose a smaller encoder, "
            "width, image_size or batch, or end the other programs that use this device."
        )
    line = (
        f"an update of {batch // now} pairs at once does not fit into the memory: batches of {batch} are now computed "
        f"in {parts} parts of {batch // parts} pairs. Negatives and batch norm see only their part; the learning rate "
        "stays. To choose it yourself, set accumulate or a smaller batch."
    )
    return replace(settings, accumulate=parts), line
