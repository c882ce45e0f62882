"""Typed settings: frozen dataclasses whose fields have a description and bounds.

The same classes describe node parameters (ros/parameters.py) and training configuration. Each field is made by
`setting`. A wrong value raises a ConfigError that names the key, the value and what was expected.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from aassl_ros.errors import ConfigError

S = TypeVar("S")


@dataclass(frozen=True)
class SettingInfo:
    """One field of a settings class: its name, type, default, description and bounds."""

    name: str
    kind: type[Any]
    item_type: type[Any] | None
    default: Any
    description: str
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...] | None

    def expected(self) -> str:
        """Describe a valid value, for an error message."""
        if self.choices is not None:
            named = ", ".join('""' if choice == "" else str(choice) for choice in self.choices)
            return f"some of {named}" if self.item_type is not None else f"one of {named}"
        if self.item_type is not None:
            return f"a list of {_WORDS[self.item_type]}s"
        if self.kind is bool:
            return "true or false"
        word = _WORDS[self.kind]
        article = "an" if word[0] in "aeiou" else "a"
        if self.minimum is not None and self.maximum is not None:
            return f"{article} {word} from {_plain(self.minimum)} to {_plain(self.maximum)}"
        if self.minimum is not None:
            return f"{article} {word} of at least {_plain(self.minimum)}"
        if self.maximum is not None:
            return f"{article} {word} of at most {_plain(self.maximum)}"
        return f"{article} {word}"


def _plain(bound: float) -> str:
    """Write a bound without an exponent if it is a whole number: 1000000, not 1e+06."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


_WORDS: dict[type, str] = {bool: "truth value", int: "integer", float: "number", str: "string"}


def setting(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Any, ...] | Callable[[], tuple[Any, ...]] | None = None,
) -> Any:
    """Make a dataclass field with a description and bounds.

    The field's type is bool, int, float, str, tuple[str, ...] or tuple[float, ...].
    choices: the valid values. A function, if they are not all known yet: other packages may add methods, for example.
    """
    metadata = {"description": description, "minimum": minimum, "maximum": maximum, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def describe(cls: type) -> tuple[SettingInfo, ...]:
    """Return the fields of a settings class, in order."""
    hints = get_type_hints(cls)
    infos = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        choices = field.metadata["choices"]
        item_type = get_args(hint)[0] if get_origin(hint) is tuple else None
        infos.append(
            SettingInfo(
                field.name,
                tuple if item_type else hint,
                item_type,
                field.default,
                field.metadata["description"],
                field.metadata["minimum"],
                field.metadata["maximum"],
                choices() if callable(choices) else choices,
            )
        )
    return tuple(infos)


def from_mapping(cls: type[S], values: Mapping[str, Any], *, source: str) -> S:
    """Make settings of `cls` from plain values (YAML, JSON, ROS parameters). Absent keys keep their defaults.

    source: where the values came from, for the error message (a file, a node).
    Raises ConfigError if a key is unknown, or a value has the wrong type, is out of bounds or is not finite.
    """
    infos = {info.name: info for info in describe(cls)}
    unknown = sorted(set(values) - set(infos))
    if unknown:
        raise ConfigError(f"{source}: unknown key {unknown[0]!r}, expected one of {', '.join(infos)}.")
    return cls(**{name: convert(infos[name], value, source=source) for name, value in values.items()})


def convert(info: SettingInfo, value: Any, *, source: str) -> Any:
    """Convert one value to its field's type: an integer to a float, a list to a tuple. Raises ConfigError."""
    if info.item_type is not None:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise _wrong(info, value, source)
        return tuple(_scalar(info, info.item_type, item, source) for item in value)
    return _scalar(info, info.kind, value, source)


def _scalar(info: SettingInfo, kind: type, value: Any, source: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(info, value, source)
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(info, value, source)
    if info.choices is not None and value not in info.choices:
        raise _wrong(info, value, source)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        below = info.minimum is not None and value < info.minimum
        above = info.maximum is not None and value > info.maximum
        if below or above:
            raise _wrong(info, value, source)
    return value


def _wrong(info: SettingInfo, value: Any, source: str) -> ConfigError:
    return ConfigError(f"{source}: {info.name} = {value!r}, expected {info.expected()}.")
