"""JSON text from anybody to plain values, within bounds: length, depth, finite numbers, no key twice."""

from __future__ import annotations

import json
import re
from typing import Any

# A string (closed or not, so that no part is looked at twice) or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
# More digits than any number here has; Python would take long over thousands.
_MAX_DIGITS = 30


def parse(text: str, *, max_characters: int, max_depth: int) -> Any:
    """The value that a JSON text holds.

    max_characters, max_depth: longer text and deeper brackets are refused before anything is parsed.
    Raises ValueError with what is wrong, in words, in one line.
    """
    if len(text) > max_characters:
        raise ValueError(f"is {len(text)} characters long, expected at most {max_characters}")
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        bracket = found.group()
        if bracket in ("[", "{"):
            depth += 1
            if depth > max_depth:
                raise ValueError(f"is nested deeper than {max_depth} levels")
        elif bracket in ("]", "}"):
            depth -= 1
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_whole, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos})") from error
    except RecursionError as error:
        raise ValueError(f"is nested deeper than {max_depth} levels") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"holds {name}, expected finite numbers")


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"holds a number of {len(digits)} digits, expected at most {_MAX_DIGITS}")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"holds the key {twice[:60]!r} twice")
    return values
