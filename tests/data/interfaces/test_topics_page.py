"""docs/topics.md says what the code says, and no node speaks JSON that the page does not know."""

from __future__ import annotations

import ast
from pathlib import Path

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_catalogue import SCHEMAS
from aassl_ros.data.interfaces.service_table import SERVICES
from aassl_ros.data.interfaces.topic_table import STRING, TOPICS

ROOT = Path(__file__).parents[3]
NODES = sorted((ROOT / "aassl_ros" / "nodes").glob("*.py"))


def test_the_services_in_the_table_are_those_of_the_nodes() -> None:
    found = {}
    for file in NODES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "create_service":
                kind, name = node.args[:2]
                assert isinstance(kind, ast.Name)
                assert isinstance(name, ast.Constant), f"{file.name}:{node.lineno}: expected a literal name"
                found[name.value] = f"std_srvs/srv/{kind.id}"
                # Named after a node: the file's own, or that which the file is a part of.
                assert (file.parent / f"{str(name.value).split('/')[0]}.py").is_file()
    assert found == {row.name: row.type for row in SERVICES}


def test_every_topic_is_in_the_table_once() -> None:
    named = {value for name, value in vars(topics).items() if name.isupper() and name != "DEFAULT_CAMERA"}
    listed = [row.name for row in TOPICS]
    assert named <= set(listed)
    assert len(listed) == len(set(listed))


def test_every_string_topic_except_the_robot_description_has_a_schema() -> None:
    described = {topics.ROBOT_DESCRIPTION, topics.ABSOLUTE_ROBOT_DESCRIPTION}
    strings = {row.name for row in TOPICS if row.type == STRING} - described
    assert strings == {schema.topic for schema in SCHEMAS} - {topics.WEIGHTS}  # there it describes the bytes beside it


def test_nodes_read_and_write_json_messages_only_through_their_schemas() -> None:
    by_hand = [
        f"{file.name}:{node.lineno}"
        for file in NODES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("loads", "dumps") and file.name != "image_probe.py"
    ]
    assert by_hand == []
