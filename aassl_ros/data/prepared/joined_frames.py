"""The frames of several folders of prepared data as one array, without copying: each file is mapped when it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class JoinedFrames:
    """Is read by index like an array uint8 [F, S, S, 3]. A read gives a copy.

    A file is opened and mapped when the first of its frames is read. So a process that reads only its shard of the
    data opens only the files of that shard.

    Args:
        counts: number of frames of each file.
        size: width and height S of all frames, pixels.
        opening: maps each file; called once, when it is needed.

    Attributes:
        shape: (F, S, S, 3).
        dtype: uint8.
    """

    def __init__(self, counts: Sequence[int], size: int, opening: Sequence[Callable[[], Pixels]]) -> None:
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._opening = list(opening)
        self._files: list[Pixels | None] = [None] * len(counts)
        self.shape = (int(self._starts[-1]), size, size, 3)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, wanted: Any) -> Pixels:
        if isinstance(wanted, tuple):
            first, *rest = wanted
            return self[first][(slice(None), *rest) if np.ndim(self[first]) == 4 else tuple(rest)]
        if isinstance(wanted, slice):
            return self._take(np.arange(*wanted.indices(len(self))))
        index = np.asarray(wanted)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        if index.ndim == 0:
            return self._take(index.reshape(1))[0]
        return self._take(index.reshape(-1)).reshape(*index.shape, *self.shape[1:])

    @property
    def opened(self) -> tuple[bool, ...]:
        """Whether each file was opened."""
        return tuple(file is not None for file in self._files)

    def _take(self, index: NDArray[Any]) -> Pixels:
        if len(index) and not (-len(self) <= index.min() and index.max() < len(self)):
            raise IndexError(f"frames {index.min()} to {index.max()} of {len(self)}")
        index = np.where(index < 0, index + len(self), index).astype(np.int64)
        taken = np.empty((len(index), *self.shape[1:]), np.uint8)
        of_file = np.searchsorted(self._starts, index, "right") - 1
        for number in np.unique(of_file):
            rows = of_file == number
            taken[rows] = self._file(int(number))[index[rows] - self._starts[number]]
        return taken

    def _file(self, number: int) -> Pixels:
        file = self._files[number]
        if file is None:
            file = self._files[number] = self._opening[number]()
        return file
