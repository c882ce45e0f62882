"""Weights of an encoder from a safetensors file: they are loaded only if all of them fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from aassl_ros.errors import CheckpointError
from aassl_ros.learning.compute.free_memory import free_memory
from aassl_ros.learning.encoders.encoder import Encoder

_COUNTER = "num_batches_tracked"
"""A batch norm's count of batches: older published weights lack it, and no feature depends on it."""


@dataclass(frozen=True)
class PublishedWeights:
    """Weights as a safetensors file holds them.

    path: the file; weights: its tensors by name; metadata: its header, as its writer set it.
    """

    path: Path
    weights: dict[str, Tensor]
    metadata: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> PublishedWeights:
        """Read a file. Raises CheckpointError if it is missing, not a safetensors file, or larger than the memory."""
        if not path.is_file():
            raise CheckpointError(f"{path} is not a file. Give the path of a safetensors file.")
        check_memory(path)
        try:
            with safe_open(path, framework="pt") as file:
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is not a mapping
                return cls(path, weights, dict(file.metadata() or {}))
        except (SafetensorError, OSError) as error:
            advice = "It is damaged or unfinished: copy or export it again."
            if path.suffix != ".safetensors":
                advice = (
                    "Pickled weights (.pth, .bin) are never opened, because they can run code. Convert them: see "
                    "docs/methods.md."
                )
            raise CheckpointError(f"{path} cannot be read as safetensors ({error}). {advice}") from error

    def fill(self, encoder: Encoder, what: str) -> tuple[str, ...]:
        """Load the weights into `encoder`, which errors call `what`.

        Returns the names of a classifier's weights, which are not used. Raises CheckpointError, and leaves the encoder
        as it was, if any other weight is missing, unexpected or has another shape.
        """
        left_over = {name for name in self.weights if name.startswith(encoder.classifiers)}
        left_over -= encoder.published().keys()
        taken = {name: value for name, value in self.weights.items() if name not in left_over}
        adapted = encoder.from_published(taken)
        wanted = encoder.state_dict()
        counters = {name: value for name, value in wanted.items() if name.endswith(_COUNTER)}
        adapted = {**counters, **adapted}
        wrong = _differences(adapted, wanted)
        if wrong:
            raise CheckpointError(
                f"{self.path} does not fit {what}: {'; '.join(wrong)}. Choose the architecture that it was made for."
            )
        encoder.load_state_dict(adapted)
        return tuple(sorted(left_over))


def check_memory(path: Path) -> None:
    """Raise CheckpointError if a file is larger than the free memory: Linux would kill the program with no message."""
    size, free = path.stat().st_size, free_memory()
    if free is not None and size > free:
        raise CheckpointError(
            f"{path} has {size / 1e9:.1f} GB, but only {free / 1e9:.1f} GB of memory are free. Choose a smaller "
            "encoder, or a machine with more memory."
        )


def _differences(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """Describe how `found` differs from `wanted`; empty if it does not."""
    shapes = [
        f"{name} is {_shape(found[name])}, expected {_shape(wanted[name])}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    groups = {
        "missing ": [name for name in wanted if name not in found],
        "unexpected ": [name for name in found if name not in wanted],
        "": shapes,
    }
    return [start + _some(entries) for start, entries in groups.items() if entries]


def _some(entries: list[str]) -> str:
    return ", ".join(entries[:3]) + (f" and {len(entries) - 3} more" if len(entries) > 3 else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
