"""The kinds of values in JSON messages. Each kind checks a value and describes what it expects."""

from __future__ import annotations

import math
import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# Control characters and line breaks, which would break a line of a log or a table.
_UNPRINTED = ("Cc", "Zl", "Zp")
_PICTURE = re.compile(r"[0-9a-f]{32}\.png")


class Mismatch(Exception):
    """A value is not what its kind expects. path: the keys that lead to the value, outermost first."""

    def __init__(self, found: Any, expected: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.found, self.expected, self.path = found, expected, path

    def below(self, key: str) -> Mismatch:
        """The same mismatch, seen from the object or list that contains the value under `key`."""
        return Mismatch(self.found, self.expected, (key, *self.path))


class Kind(Protocol):
    """One kind of value."""

    @property
    def json_type(self) -> str:
        """The JSON type, for the docs."""

    @property
    def unit(self) -> str:
        """The unit of a number; empty if it has none."""

    @property
    def expected(self) -> str:
        """A description of correct values, for the docs and for errors."""

    def check(self, value: Any) -> Any:
        """Check a value. Returns it as it is used; raises Mismatch if it is wrong."""


@dataclass(frozen=True)
class Text:
    """A string. lines: whether it may contain line breaks and control characters; names and paths may not."""

    words: str = "text"
    minimum: int = 0
    maximum: int = 512
    lines: bool = False
    json_type: str = "string"
    unit: str = ""

    @property
    def expected(self) -> str:
        printable = "" if self.lines else ", no line breaks"
        return f"{self.words} ({self.minimum} to {self.maximum} characters{printable})"

    def check(self, value: Any) -> Any:
        if not isinstance(value, str) or not self.minimum <= len(value) <= self.maximum or not _is_unicode(value):
            raise Mismatch(value, self.expected)
        if not self.lines and any(unicodedata.category(character) in _UNPRINTED for character in value):
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Whole:
    """An integer in a range. true and false are not integers."""

    minimum: int = 0
    maximum: int = 2**63 - 1
    unit: str = ""
    json_type: str = "integer"

    @property
    def expected(self) -> str:
        return f"an integer{f' of {self.unit}' if self.unit else ''} from {self.minimum} to {_end(self.maximum)}"

    def check(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not self.minimum <= value <= self.maximum:
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Number:
    """A finite number in a range. Integers are accepted."""

    minimum: float
    maximum: float
    unit: str = ""
    json_type: str = "number"

    @property
    def expected(self) -> str:
        return f"a number{f' of {self.unit}' if self.unit else ''} from {self.minimum:g} to {self.maximum:g}"

    def check(self, value: Any) -> Any:
        # NaN fails both comparisons.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.minimum <= value <= self.maximum:
            raise Mismatch(value, self.expected)
        return float(value)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    json_type: str = "boolean"
    unit: str = ""
    expected: str = "true or false"

    def check(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Choice:
    """One of some strings."""

    options: tuple[str, ...]
    json_type: str = "string"
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.options)}"

    def check(self, value: Any) -> Any:
        if not isinstance(value, str) or value not in self.options:
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Uuid:
    """A UUID in any form that Python's uuid reads, at most 64 characters."""

    json_type: str = "string"
    unit: str = ""
    expected: str = "a UUID"

    def check(self, value: Any) -> Any:
        try:
            if not isinstance(value, str) or len(value) > 64:
                raise ValueError
            uuid.UUID(value)
        except ValueError as error:
            raise Mismatch(value, self.expected) from error
        return value


@dataclass(frozen=True)
class PictureName:
    """The name of a picture's file: 32 hexadecimal digits and .png, so that it names no other place."""

    json_type: str = "string"
    unit: str = ""
    expected: str = "32 hexadecimal digits and .png"

    def check(self, value: Any) -> Any:
        if not isinstance(value, str) or _PICTURE.fullmatch(value) is None:
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Token:
    """A value with which the sender of a request recognises the answer: text or an integer."""

    json_type: str = "string or integer"
    unit: str = ""
    expected: str = "a text of at most 128 characters, or an integer"

    def check(self, value: Any) -> Any:
        short = isinstance(value, str) and len(value) <= 128 and _is_unicode(value)
        if not short and (isinstance(value, bool) or not isinstance(value, int)):
            raise Mismatch(value, self.expected)
        return value


@dataclass(frozen=True)
class Nullable:
    """Another kind, or null."""

    kind: Kind

    @property
    def json_type(self) -> str:
        return f"{self.kind.json_type} or null"

    @property
    def unit(self) -> str:
        return self.kind.unit

    @property
    def expected(self) -> str:
        return f"{self.kind.expected}, or null"

    def check(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.kind.check(value)
        except Mismatch as mismatch:
            if mismatch.path:
                raise
            raise Mismatch(value, self.expected) from mismatch


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind."""

    item: Kind
    json_type: str = "array"
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"a list, each item {self.item.expected}"

    def check(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise Mismatch(value, self.expected)
        return [_checked_below(self.item, str(place), item) for place, item in enumerate(value)]


@dataclass(frozen=True)
class MapOf:
    """An object with any keys and values of one kind. key: a description of the keys."""

    key: str
    value: Kind
    json_type: str = "object"
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"an object: {self.key} to {self.value.expected}"

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Mismatch(value, self.expected)
        for key in value:
            if not _is_unicode(key):
                raise Mismatch(key, f"{self.key} as a key")
        return {key: _checked_below(self.value, key, item) for key, item in value.items()}


@dataclass(frozen=True)
class AnyJson:
    """Any JSON value with finite numbers and valid Unicode strings."""

    json_type: str = "any"
    unit: str = ""
    expected: str = "finite numbers, text, true, false, null, lists and objects of these"

    def check(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return MapOf("text", self).check(value)
        if isinstance(value, (list, tuple)):
            return ListOf(self).check(value)
        right = value is None or isinstance(value, (bool, int))
        right = right or (isinstance(value, str) and _is_unicode(value))
        if not right and not (isinstance(value, float) and math.isfinite(value)):
            raise Mismatch(value, self.expected)
        return value


def _checked_below(kind: Kind, key: str, value: Any) -> Any:
    try:
        return kind.check(value)
    except Mismatch as mismatch:
        raise mismatch.below(key) from mismatch


def _is_unicode(text: Any) -> bool:
    """Whether a string can be encoded. JSON can contain halves of a character (lone surrogates), which cannot."""
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _end(maximum: int) -> str:
    return "2^63 - 1" if maximum == 2**63 - 1 else str(maximum)
