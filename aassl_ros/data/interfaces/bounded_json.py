"""Parses untrusted JSON text with limits: length, depth, finite numbers, no duplicate keys."""

from __future__ import annotations

import json
import re
from typing import Any

# A string (closed or not, so that no part is scanned twice) or a bracket.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
# As many as a number of 128 bits has, the state of a random generator. Python would be slow with thousands of digits.
_MAX_DIGITS = 39


def parse(text: str, *, max_characters: int, max_depth: int) -> Any:
    """Parse a JSON text.

    max_characters, max_depth: longer text and deeper nesting are refused before anything is parsed.
    Raises ValueError, whose message describes the problem in one line.
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
    raise ValueError(f"contains {name}, expected finite numbers")


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"contains a number of {len(digits)} digits, expected at most {_MAX_DIGITS}")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"contains the key {twice[:60]!r} twice")
    return values
