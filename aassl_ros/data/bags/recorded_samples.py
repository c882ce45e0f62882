"""Compares samples computed from the raw streams with the samples that the recorder wrote into the bag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.streams.sample import Sample


@dataclass(frozen=True)
class Comparison:
    """Largest differences in rad or m; None if there was nothing to compare.

    missing: number of frames with a computed sample but no recorded one; 0 if the bag has no samples at all.
    """

    position: float | None
    command: float | None
    missing: int


class RecordedSamples:
    """Collects computed and recorded samples in any order while a bag is read, and compares them at the end."""

    def __init__(self) -> None:
        self._states: dict[int, _Named] = {}
        self._commands: dict[int, _Named] = {}
        self._computed: list[Sample] = []

    def add_state(self, stamp_ns: int, names: tuple[str, ...], values: ArrayLike) -> None:
        """Add a recorded joint state."""
        self._states[stamp_ns] = _Named(names, np.asarray(values, np.float64))

    def add_command(self, stamp_ns: int, names: tuple[str, ...], values: ArrayLike) -> None:
        """Add a recorded command."""
        self._commands[stamp_ns] = _Named(names, np.asarray(values, np.float64))

    def add_computed(self, sample: Sample) -> None:
        """Add a sample computed from the raw streams."""
        self._computed.append(sample)

    def compare(self) -> Comparison:
        """The largest differences over all samples and joints that are both computed and recorded."""
        positions: list[float] = []
        commands: list[float] = []
        missing = 0
        for sample in self._computed:
            state = self._states.get(sample.stamp_ns)
            missing += state is None
            if state is not None:
                positions += state.differences(sample.joint_names, sample.position)
            command = self._commands.get(sample.stamp_ns)
            if command is not None and sample.command is not None:
                commands += command.differences(sample.command_names, sample.command)
        return Comparison(max(positions, default=None), max(commands, default=None), missing if self._states else 0)


@dataclass(frozen=True)
class _Named:
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def differences(self, names: tuple[str, ...], values: NDArray[np.float64]) -> list[float]:
        """The largest difference over the names whose values both know, as a list of at most one number."""
        if names == self.names and len(values) == len(self.values):
            gaps = np.abs(values - self.values)
        else:
            mine = dict(zip(self.names, self.values, strict=False))
            gaps = np.array([abs(mine.get(name, np.nan) - value) for name, value in zip(names, values, strict=False)])
        known = gaps[np.isfinite(gaps)]
        return [float(known.max())] if len(known) else []
