"""Generated pages say what the code says; what is public is exported, documented and complete."""

from __future__ import annotations

import ast
import inspect
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import generate_docs
import pytest
from doc_pages.api_page import ROOMS, rooms, summary

ROOT = Path(__file__).parent.parent


def test_the_committed_pages_are_the_generated_ones() -> None:
    for name, text in generate_docs.pages().items():
        committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert " at 0x" not in text, f"docs/{name} shows an address in memory, which is another one in each process"
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


@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "mkdocs").is_file(), reason="mkdocs is not in .venv")
def test_the_site_is_built_as_lint_builds_it_and_a_page_without_a_place_in_it_is_an_error(tmp_path: Path) -> None:
    shown = subprocess.run(["make", "--dry-run", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (build,) = [line for line in shown.splitlines() if "mkdocs build" in line]
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("docs", "scripts", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "mkdocs.yml"):
        copy_one = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy_one(ROOT / name, copy / name)
    for name in (".venv", "examples", "tests", "aassl_ros", "sim", "config", "LICENSE"):
        (copy / name).symlink_to(ROOT / name)
    good = subprocess.run(build, shell=True, cwd=copy, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    (copy / "docs" / "lost.md").write_text("# A page that the navigation does not name\n")
    bad = subprocess.run(build, shell=True, cwd=copy, capture_output=True, text=True, check=False)
    assert bad.returncode != 0
    assert "lost.md" in bad.stderr
