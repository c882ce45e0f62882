"""Generated pages say what the code says; what is public is exported, documented and complete."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

import generate_docs
import pytest
from doc_pages.api_page import ROOMS, rooms, summary

ROOT = Path(__file__).parent.parent


def test_the_committed_pages_are_the_generated_ones() -> None:
    for name, text in generate_docs.pages().items():
        committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert committed == text, f"docs/{name} differs. Run: python scripts/generate_docs.py"


@pytest.mark.parametrize("room", list(rooms()), ids=ROOMS)
def test_every_public_name_exists_and_says_what_it_is(room: ModuleType) -> None:
    assert len(set(room.__all__)) == len(room.__all__)
    for name in room.__all__:
        thing = getattr(room, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            first = summary(thing)
            assert first.endswith((".", ")", ":", ";")) or len(first) > 40, f"{room.__name__}.{name}: {first!r}"


def test_every_room_with_exports_is_in_the_api_page() -> None:
    files = (ROOT / "aassl_ros").rglob("__init__.py")
    exporting = {file for file in files if "__all__" in file.read_text(encoding="utf-8")}
    listed = {ROOT / "aassl_ros" / room.replace(".", "/") / "__init__.py" for room in ROOMS}
    assert exporting == listed


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.name)
def test_the_examples_need_public_names_alone(file: Path) -> None:
    public = {f"aassl_ros.{room}" for room in ROOMS} | {"aassl_ros.cli.main"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("aassl_ros"):
            assert node.module in public, f"{file.name}:{node.lineno}"
