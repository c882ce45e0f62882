"""A random generator that keeps near the middle: objects drawn with it differ less from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def narrowed(bits: np.random.BitGenerator, variation: float) -> np.random.Generator:
    """A generator for drawing shapes. variation: 1 for the usual one, less for one nearer the middle, 0 for the middle.

    With 1 its draws are those of np.random.default_rng.
    """
    return np.random.Generator(bits) if variation >= 1.0 else _Narrowed(bits, variation)


class _Narrowed(np.random.Generator):
    """What categories use of a generator, each draw moved toward the middle of its range."""

    def __init__(self, bits: np.random.BitGenerator, variation: float) -> None:
        super().__init__(bits)
        self._variation = variation

    # numpy's overloads also make arrays, which categories draw none of: hence the ignores.
    def random(self) -> float:  # type: ignore[override]
        return 0.5 + self._variation * (super().random() - 0.5)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:  # type: ignore[override]
        return low + (high - low) * self.random()

    def integers(self, low: int, high: int | None = None) -> int:  # type: ignore[override]
        first, beyond = (0, low) if high is None else (low, high)
        return first + int((beyond - first) * self.random())

    def choice(self, options: Sequence[Any]) -> Any:  # type: ignore[override]
        return options[self.integers(len(options))]
