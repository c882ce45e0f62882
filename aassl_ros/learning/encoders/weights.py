"""Weights of an encoder from a safetensors file: all of them fit, or none is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from aassl_ros.errors import CheckpointError
from aassl_ros.learning.encoders.encoder import Encoder

_COUNTER = "num_batches_tracked"
"""How many batches a batch norm has seen: older published weights lack it, and no feature depends on it."""


@dataclass(frozen=True)
class PublishedWeights:
    """path: the file; weights: its tensors by name; metadata: what its writer said of them."""

    path: Path
    weights: dict[str, Tensor]
    metadata: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> PublishedWeights:
        """Raises CheckpointError where the file is missing or no safetensors."""
        if not path.is_file():
            raise CheckpointError(f"{path} is no file. Give weights as a safetensors file.")
        try:
            with safe_open(path, framework="pt") as file:
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
                return cls(path, weights, dict(file.metadata() or {}))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} cannot be read as safetensors ({error}). Pickled weights (.pth, .bin) are never opened, since "
                "they can run code; docs/methods.md says how to convert them."
            ) from error

    def fill(self, encoder: Encoder, what: str) -> tuple[str, ...]:
        """Load into `encoder`, called `what` in errors. Returns the names of a classifier's weights, left over.

        Raises CheckpointError, the encoder as it was, where any other weight is missing, left over or of another shape.
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
                f"{self.path} does not fit {what}: {'; '.join(wrong)}. Take the architecture that it was made for."
            )
        encoder.load_state_dict(adapted)
        return tuple(sorted(left_over))


def _differences(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """In words, what keeps `found` from being `wanted`."""
    shapes = [
        f"{name} is {_shape(found[name])} where {_shape(wanted[name])} is expected"
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
