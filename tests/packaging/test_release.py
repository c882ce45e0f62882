"""A release has one version, and says how to cite it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import yaml

from aassl_ros import __version__

ROOT = Path(__file__).parents[2]


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert ElementTree.parse(ROOT / "package.xml").findtext("version") == __version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == __version__
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == __version__


def test_the_citation_names_the_software_and_the_paper_of_the_method() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == ["Aubret", "Teulière", "Triesch"]
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2407.06704"}]


def test_the_commit_hooks_need_nothing_to_be_downloaded() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    for hook in hooks["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
