"""Parses untrusted YAML text with limits: length, depth, number of values. Tags are ignored.

Every scalar stays text (null is None), because the reader of a field knows its type, but YAML only guesses it.
"""

from __future__ import annotations

from typing import Any

import yaml

from aassl_ros.errors import first_line

MAX_CHARACTERS = 4 << 20
MAX_DEPTH = 24
MAX_VALUES = 200_000
_NULL = "tag:yaml.org,2002:null"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str, *, max_characters: int = MAX_CHARACTERS) -> Any:
    """Parse a YAML document to dicts with text keys, lists, texts and None.

    An alias counts as all the values that it stands for. Raises ValueError, whose message describes the problem in one
    line.
    """
    if len(text) > max_characters:
        raise ValueError(f"is {len(text)} characters long, expected at most {max_characters}")
    try:
        _check_depth(text)
        root = yaml.compose(text, _LOADER)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML ({_reason(error)})") from error
    except RecursionError as error:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels") from error
    return None if root is None else _Values().value(root, 0)


def _check_depth(text: str) -> None:
    """Check the depth before anything is built, because composing recurses without a limit."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
        if count > 2 * MAX_VALUES:
            raise ValueError(f"holds more than {MAX_VALUES} values")


class _Values:
    """Turns nodes into values and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            raise ValueError(f"holds more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:  # an alias of a node that contains it
            raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key, item in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise ValueError(f"contains a key that is not text, in line {key.start_mark.line + 1}")
                found[key.value] = self.value(item, depth + 1)
            return found
        # Quoted, "null" is a text.
        return None if node.tag == _NULL else node.value


def _reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or first_line(error)
    return f"{problem}, line {mark.line + 1}" if mark is not None else str(problem)
