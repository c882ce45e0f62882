"""Generates docs/topics.md from the table of topics and the schemas of the JSON messages.

python -m aassl_ros.data.interfaces.topics_page > docs/topics.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from aassl_ros.data.interfaces.json_catalogue import SCHEMAS
from aassl_ros.data.interfaces.json_kinds import Kind, ListOf, MapOf, Nullable
from aassl_ros.data.interfaces.json_schema import MAX_DEPTH, SCHEMA_KEY, Field, Record, Schema
from aassl_ros.data.interfaces.topic_table import TOPICS, TopicRow

_HEAD = """\
# Topics

<!-- Generated: python -m aassl_ros.data.interfaces.topics_page > docs/topics.md. Change topic_table.py or
json_catalogue.py of data/interfaces/ instead. -->

Names are relative, so that `namespace:=left` puts them under `/left`. Names that start with a slash are absolute. "You"
means any node or person. "Offered" is the quality of service of our own publishers; a camera or arm driver may offer
another one.
"""

_JSON = f"""\
## JSON messages

Each message is one JSON object in a std_msgs/String. JSON is used only if no standard message exists, so that no
separate message package has to be built. Each section gives the reason.

- `"{SCHEMA_KEY}"` is the name and version of the schema. A message without it (from older bags and scripts) is read as
  version 1. A newer version is refused.
- An unknown key is ignored. But if it is similar to a key that is absent (`Set` for `set`), the message is refused.
  `null` in a key that is not required means the same as an absent key.
- These are refused too: a wrong type, a value out of range, a missing key, a duplicate key, NaN and Infinity, more than
  {MAX_DEPTH} levels of nesting, more characters than the schema allows.
- If a node refuses a message, it logs one line with the topic, the key, the value and what was expected, counts the
  message on `/diagnostics`, and continues.
"""


def page() -> str:
    """The page as Markdown."""
    rows = ("name", "type", "from", "to", "what")
    parts = [_HEAD, _table(rows, (_about(row) for row in TOPICS))]
    parts += ["## Quality of service\n", _table(("name", "offered", "requested"), (_service(row) for row in TOPICS))]
    parts.append(_JSON)
    parts += [_section(schema) for schema in SCHEMAS]
    return "\n".join(parts)


def _about(row: TopicRow) -> tuple[str, ...]:
    name = f"[`{row.name}`](#{_anchor(row.name)})" if row.name in _JSON_TOPICS else f"`{row.name}`"
    return name, row.type.replace("/msg/", "/"), row.senders, row.receivers, row.what


def _service(row: TopicRow) -> tuple[str, ...]:
    return f"`{row.name}`", row.offered, row.asked


def _section(schema: Schema) -> str:
    keys = ("key", "type", "unit", "expected", "required", "description")
    lines = [f"### {schema.topic}\n", f"`{schema.name}`. {schema.description}\n", f"Why JSON: {schema.why_json}\n"]
    lines.append(_table(keys, _rows(schema.fields, "")))
    if schema.version_key:
        lines.append(f'Older bags have `"{schema.version_key}": 1` instead of the schema.\n')
    lines.append(f"At most {schema.max_characters} characters. Example:\n")
    example = json.dumps({SCHEMA_KEY: schema.name, **schema.example}, indent=1)
    return "\n".join([*lines, f"```json\n{example}\n```\n"])


def _rows(fields: Iterable[Field], above: str) -> Iterator[tuple[str, ...]]:
    for field in fields:
        kind = field.kind
        default = "yes" if field.required else f"no; {json.dumps(field.default)}"
        name = f"{above}{field.key}"
        yield f"`{name}`", kind.json_type, kind.unit, kind.expected, default, field.description
        inner, path = _inside(kind, name)
        if inner is not None:
            yield from _rows(inner.fields, f"{path}.")


def _inside(kind: Kind, path: str) -> tuple[Record | None, str]:
    """The record inside a kind at any depth, or None, and the path to it."""
    while not isinstance(kind, Record):
        if isinstance(kind, MapOf):
            kind, path = kind.value, f"{path}.*"
        elif isinstance(kind, ListOf):
            kind, path = kind.item, f"{path}[]"
        elif isinstance(kind, Nullable):
            kind = kind.kind
        else:
            return None, path
    return kind, path


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def _anchor(name: str) -> str:
    """The anchor that GitHub makes for a heading."""
    return name.replace("/", "")


_JSON_TOPICS = {schema.topic for schema in SCHEMAS}

if __name__ == "__main__":
    print(page(), end="")
