"""A random generator whose draws are scaled toward the middle of their range, so that objects differ less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def scaled_rng(bits: np.random.BitGenerator, variation: float) -> np.random.Generator:
    """A generator for drawing shapes.

    variation: 1 draws from the full range, as np.random.default_rng does; 0 always gives the middle of the range.
    """
    return np.random.Generator(bits) if variation >= 1.0 else _ScaledRng(bits, variation)


class _ScaledRng(np.random.Generator):
    """The generator methods that categories use, with each draw scaled toward the middle of its range."""

    def __init__(self, bits: np.random.BitGenerator, variation: float) -> None:
        super().__init__(bits)
        self._variation = variation

    # numpy's overloads can also return arrays, which no category uses; hence the type ignores.
    def random(self) -> float:  # type: ignore[override]
        return 0.5 + self._variation * (super().random() - 0.5)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:  # type: ignore[override]
        return low + (high - low) * self.random()

    def integers(self, low: int, high: int | None = None) -> int:  # type: ignore[override]
        first, beyond = (0, low) if high is None else (low, high)
        return first + int((beyond - first) * self.random())

    def choice(self, options: Sequence[Any]) -> Any:  # type: ignore[override]
        return options[self.integers(len(options))]
