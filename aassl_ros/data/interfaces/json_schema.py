"""The schema of a JSON message: topic, version and fields, with the encoder and decoder for all messages."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aassl_ros.data.interfaces import bounded_json
from aassl_ros.data.interfaces.json_kinds import Kind, Mismatch
from aassl_ros.errors import DataError

SCHEMA_KEY = "schema"
_PACKAGE = "aassl_ros"
_SCHEMA = re.compile(r"(.+)/([1-9][0-9]{0,8})")
# Deeper than any message here needs.
MAX_DEPTH = 8
_SHOWN = 80
# At most this many unknown keys are checked for spelling mistakes, to limit the time.
_LOOKED_AT = 32


class _Required:
    """The default of a required field."""


REQUIRED = _Required()


class JsonMessageError(DataError):
    """A message does not match its schema. values: the fields that are correct, as far as they could be read."""

    def __init__(self, text: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.values = dict(values or {})


@dataclass(frozen=True)
class Field:
    """One key. default: the value if the key is absent or null; REQUIRED if the message is refused in that case."""

    key: str
    kind: Kind
    description: str
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether a message without the key is refused."""
        return self.default is REQUIRED


@dataclass(frozen=True)
class Record:
    """An object with its own fields inside a message. It is a Kind."""

    fields: tuple[Field, ...]
    json_type: str = "object"
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"an object with {', '.join(field.key for field in self.fields if field.required)}"

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Mismatch(value, self.expected)
        values, problem = check_fields(self.fields, value)
        if problem is not None:
            raise problem
        return values


@dataclass(frozen=True)
class Schema:
    """One JSON message on a std_msgs/String topic.

    why_json: why no standard message is used. rule: a check of the fields together, which returns the problem, or "".
    example: a correct message. version_key: the key of the version in old messages, which lack SCHEMA_KEY.
    """

    topic: str
    version: int
    fields: tuple[Field, ...]
    description: str
    why_json: str
    example: Mapping[str, Any]
    rule: Callable[[Mapping[str, Any]], str] = lambda values: ""
    max_characters: int = 1 << 16
    version_key: str = ""

    @property
    def name(self) -> str:
        """The value of SCHEMA_KEY, such as "aassl_ros/episode/1"."""
        return f"{_PACKAGE}/{self.topic}/{self.version}"

    def decode(self, text: str) -> dict[str, Any]:
        """Decode and check a message. Returns its values with defaults filled in; unknown keys are dropped.

        A message without SCHEMA_KEY is read as version 1. Raises only JsonMessageError.
        """
        try:
            found = bounded_json.parse(text, max_characters=self.max_characters, max_depth=MAX_DEPTH)
        except ValueError as error:
            raise JsonMessageError(f"{self.topic}: {_show(text)} {error}, expected {self._outline()}.") from error
        if not isinstance(found, dict):
            raise JsonMessageError(f"{self.topic}: {_show(found)} is not a JSON object, expected {self._outline()}.")
        return self.check(found)

    def encode(self, values: Mapping[str, Any]) -> str:
        """Encode a message to one line of JSON with the schema's name. Raises JsonMessageError if a value is wrong."""
        self.check(values)
        return json.dumps({SCHEMA_KEY: self.name, **values}, allow_nan=False)

    def check(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Check values and fill in defaults. Raises JsonMessageError, which contains the correct values."""
        self._check_version(found)
        values, problem = check_fields(self.fields, found)
        if problem is not None:
            raise JsonMessageError(f"{self.topic}: {told(problem)}.", values)
        if broken := self.rule(values):
            raise JsonMessageError(f"{self.topic}: {broken}.", values)
        return values

    def _check_version(self, found: Mapping[str, Any]) -> None:
        reported = found.get(SCHEMA_KEY)
        if reported is None and self.version_key and self.version_key in found:
            reported = f"{_PACKAGE}/{self.topic}/{found[self.version_key]}"
        if reported is None or reported == self.name:
            return
        parts = _SCHEMA.fullmatch(reported) if isinstance(reported, str) else None
        what = f"{self.topic}: {SCHEMA_KEY} = {_show(reported)}, expected {self.name}"
        if parts is not None and parts[1] == f"{_PACKAGE}/{self.topic}" and int(parts[2]) > self.version:
            raise JsonMessageError(f"{what}: a newer aassl_ros wrote this message; update aassl_ros here.")
        raise JsonMessageError(f"{what}, or no {SCHEMA_KEY} at all.")

    def _outline(self) -> str:
        return f"a JSON object with {', '.join(field.key for field in self.fields if field.required)}"


def check_fields(fields: tuple[Field, ...], found: Mapping[str, Any]) -> tuple[dict[str, Any], Mismatch | None]:
    """Check fields. Returns the correct values with defaults filled in, and the first problem or None."""
    values: dict[str, Any] = {}
    problem = _misspelt(fields, found)
    for field in fields:
        value = found.get(field.key)
        if field.required and field.key not in found:
            problem = problem or Mismatch(REQUIRED, field.kind.expected, (field.key,))
        elif value is None and not field.required:
            values[field.key] = copy.deepcopy(field.default)
        else:
            try:
                values[field.key] = field.kind.check(value)
            except Mismatch as mismatch:
                problem = problem or mismatch.below(field.key)
    return values, problem


def _misspelt(fields: tuple[Field, ...], found: Mapping[str, Any]) -> Mismatch | None:
    """Find an unknown key that is similar to an absent one: silently using the default would be wrong."""
    absent = {field.key for field in fields if field.key not in found}
    unknown = sorted(set(found) - {field.key for field in fields} - {SCHEMA_KEY})
    for key in unknown[:_LOOKED_AT]:
        close = difflib.get_close_matches(key.lower()[:_SHOWN], sorted(absent), 1, 0.75)
        if close:
            return Mismatch(key, f"the key {close[0]}")
    return None


def told(problem: Mismatch) -> str:
    """Describe a problem that `check_fields` found, in one line without a full stop."""
    if not problem.path:
        return f"unknown key {_show(problem.found)}, expected {problem.expected}"
    place = ".".join(
        key if (key.isidentifier() or key.isdecimal()) and len(key) <= _SHOWN else _show(key) for key in problem.path
    )
    if problem.found is REQUIRED:
        return f"{place} is missing, expected {problem.expected}"
    return f"{place} = {_show(problem.found)}, expected {problem.expected}"


def _show(value: Any) -> str:
    """A value in one short line."""
    shown = repr(value[:_SHOWN] if isinstance(value, str) else value)
    return shown if len(shown) <= _SHOWN + 2 else f"{shown[:_SHOWN]}..."
