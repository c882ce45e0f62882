"""The typed reader of checkpoint.json and of state.pt: every fact of a checkpoint is checked here, and only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aassl_ros.data.interfaces import bounded_json
from aassl_ros.data.interfaces.json_kinds import AnyJson, ListOf, MapOf, Nullable, Number, Text, Whole
from aassl_ros.data.interfaces.json_schema import Field, Record, check_fields, told

# Far beyond any real value, and small enough that a wrong one allocates nothing.
_MAX_SIZE = 1 << 20
# A checkpoint of data with a million objects is not longer.
_MAX_CHARACTERS, _MAX_DEPTH = 64 << 20, 32
_NUMBERS = ListOf(Number(-1e30, 1e30))
_DIGEST = Text("hexadecimal digits", 64, 64)
_NAME = Text("a name", 1)

_SPACE = (
    Field("name", _NAME, "name of the action space"),
    Field("rotation", _NAME, "how rotations are written"),
    Field("components", ListOf(_NAME), "parts of the action"),
)
_SCALE = (Field("median", _NUMBERS, "medians"), Field("scale", _NUMBERS, "scales"))

_FIELDS = (
    Field("step", Whole(), "number of updates"),
    Field("config", MapOf("a setting", AnyJson()), "all settings"),
    Field("action_dimension", Whole(maximum=_MAX_SIZE), "entries of an action; 0: the method uses none"),
    # Missing in checkpoints from before there were labels.
    Field("categories", Whole(maximum=_MAX_SIZE), "number of labels; 0: the method uses none", 0),
    Field("action_space", Nullable(Record(_SPACE)), "what the actions are", None),
    Field("normalisation", Nullable(Record(_SCALE)), "of the actions", None),
    # Only of format 2, in place of the two before.
    Field("action_spaces", ListOf(Record((*_SPACE, *_SCALE))), "what the actions of several robots are", ()),
    Field("instances", ListOf(Text("a name")), "object instances seen"),
    Field("data_fingerprint", Text("a text"), "of the data"),
    Field("trainer", MapOf("a name", AnyJson()), "what the training loop needs to resume"),
    Field("digest", _DIGEST, "SHA-256 of the weights"),
    Field("state_digest", _DIGEST, "SHA-256 of the state"),
    Field("versions", MapOf("a program", Text("a version")), "what wrote it"),
)


def parse_facts(text: str, *, formats: Sequence[int]) -> dict[str, Any]:
    """Parse the text of checkpoint.json.

    Args:
        text: the content of the file.
        formats: the versions of the format that this program reads.

    Returns:
        the facts by name, each of the right type and within its limits.

    Raises:
        ValueError: a fact is missing or wrong; the message names it, its value and what was expected.
        FormatError: the file has another format.
    """
    facts = bounded_json.parse(text, max_characters=_MAX_CHARACTERS, max_depth=_MAX_DEPTH)
    if not isinstance(facts, dict):
        raise ValueError(f"a JSON {type(facts).__name__}, expected an object")
    if facts.get("format") not in formats:
        expected = " or ".join(map(str, formats))
        raise FormatError(f"has the format {facts.get('format')!r}, expected {expected}")
    values, problem = check_fields(_FIELDS, facts)
    if problem is not None:
        raise ValueError(told(problem))
    return values


class FormatError(ValueError):
    """The checkpoint has the format of another version."""


@dataclass(frozen=True)
class TrainingState:
    """What the next update depends on besides the weights.

    optimizer: state of the optimizer; generator: of the random generator of augmentation, uint8; precision: of the loss
    scale, empty if there is none; steps: number of updates; adaptation: the weights to stay close to, if any.
    """

    optimizer: dict[str, Any]
    generator: Tensor
    precision: dict[str, Any]
    steps: int
    adaptation: dict[str, Tensor]

    @classmethod
    def of(cls, state: Any) -> TrainingState:
        """Check a state that was read from state.pt. Raises ValueError that names what is wrong."""
        state = _mapping("the state", state)
        for name in ("optimizer", "generator", "steps"):
            if name not in state:
                raise ValueError(f"{name} is missing")
        steps, generator = state["steps"], state["generator"]
        if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps < 1 << 62:
            raise ValueError(f"steps = {str(steps)[:40]}, expected a number of updates")
        if not isinstance(generator, Tensor) or generator.dtype != torch.uint8 or generator.ndim != 1:
            raise ValueError("generator is not the state of a random generator")
        optimizer = _mapping("optimizer", state["optimizer"])
        for name, value in _tensors(optimizer.get("state", {}), "optimizer.state"):
            if value.is_floating_point() and not value.isfinite().all():
                raise ValueError(f"{name} is not finite")
        # Missing in checkpoints from before there were these.
        adaptation = _mapping("adaptation", state.get("adaptation", {}))
        for name, value in adaptation.items():
            if not isinstance(value, Tensor) or not value.isfinite().all():
                raise ValueError(f"adaptation.{name} is not a tensor of finite numbers")
        return cls(optimizer, generator, _mapping("precision", state.get("precision", {})), steps, adaptation)


def _tensors(values: Any, name: str) -> list[tuple[str, Tensor]]:
    found = []
    for key, value in _mapping(name, values).items():
        if isinstance(value, Tensor):
            found.append((f"{name}.{key}", value))
        elif isinstance(value, Mapping):
            found += _tensors(value, f"{name}.{key}")
    return found


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {type(value).__name__}, expected a mapping")
    return dict(value)
