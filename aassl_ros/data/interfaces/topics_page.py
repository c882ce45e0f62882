"""docs/topics.md, made of the table of topics and the schemas of the JSON messages.

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

Names are relative, so that `namespace:=left` puts them under `/left`; those with a slash in front are absolute. "You"
are any node or person. "Offered" is what our own publishers offer; a camera or arm driver may offer something else.
"""

_JSON = f"""\
## JSON messages

Each is one JSON object in a std_msgs/String. JSON is used only if no standard message exists, so that no second package
needs to be built; each section says why.

- `"{SCHEMA_KEY}"` holds the name and version of the schema. A message without it, as older bags and scripts have it, is
  read as version 1. A newer version is refused.
- An unknown key is left alone, unless it looks like a key that is absent (`Set` for `set`): that is refused. `null` in
  a key that is not required is as if the key were absent.
- Refused as well: a wrong type, a value out of its range, a missing key, a key that comes twice, NaN and Infinity, more
  than {MAX_DEPTH} levels of brackets, more characters than the schema allows.
- A node that gets such a message logs one line that names the topic, the key, the value and what was expected, counts
  it on `/diagnostics`, and goes on.
"""


def page() -> str:
    """The whole page, Markdown."""
    rows = ("name", "type", "from", "to", "what")
    parts = [_HEAD, _table(rows, (_about(row) for row in TOPICS))]
    parts += ["## Quality of service\n", _table(("name", "offered", "asked for"), (_service(row) for row in TOPICS))]
    parts.append(_JSON)
    parts += [_section(schema) for schema in SCHEMAS]
    return "\n".join(parts)


def _about(row: TopicRow) -> tuple[str, ...]:
    name = f"[`{row.name}`](#{_anchor(row.name)})" if row.name in _JSON_TOPICS else f"`{row.name}`"
    return name, row.type.replace("/msg/", "/"), row.senders, row.receivers, row.what


def _service(row: TopicRow) -> tuple[str, ...]:
    return f"`{row.name}`", row.offered, row.asked


def _section(schema: Schema) -> str:
    keys = ("key", "type", "unit", "expected", "required", "what it is")
    lines = [f"### {schema.topic}\n", f"`{schema.name}`. {schema.description}\n", f"Why JSON: {schema.why_json}\n"]
    lines.append(_table(keys, _rows(schema.fields, "")))
    if schema.version_key:
        lines.append(f'In older bags `"{schema.version_key}": 1` stands for the schema.\n')
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
    """The record that a kind holds at some depth, if any, and the path to it."""
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
    """As GitHub makes it of a heading."""
    return name.replace("/", "")


_JSON_TOPICS = {schema.topic for schema in SCHEMAS}

if __name__ == "__main__":
    print(page(), end="")
