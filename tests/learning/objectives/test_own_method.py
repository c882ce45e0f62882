"""A method of one's own: the example of docs/methods.md, installed as a package of its own, trains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.objectives.methods import METHODS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "methods.md"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder to put on the path, in which the documented module and entry point are installed."""
    page = DOCS.read_text(encoding="utf-8")
    (module,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (entry,) = re.findall(r'```toml\n\[project\.entry-points\."aassl_ros\.methods"\]\n(.*?)```', page, re.DOTALL)
    facts = tmp_path / "site" / "alignment_uniformity-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: alignment-uniformity\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[aassl_ros.methods]\n" + entry.replace('"', ""))
    (facts.parent / "alignment_uniformity.py").write_text(module)
    return facts.parent


def aassl(package: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "aassl_ros.cli.main", *map(str, arguments)]
    path = os.pathsep.join([str(package), str(ROOT)])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, timeout=240)


def test_the_documented_method_trains_and_resumes(package: Path, turning_clouds: PreparedData, tmp_path: Path) -> None:
    small = ("--method", "aa_uniformity", "--batch", 64, "--width", 8, "--window", "frames:1", "--lr", 2e-3)
    aassl(package, "train", turning_clouds.path, "-o", tmp_path / "run", *small, "--epochs", 2)
    aassl(package, "train", turning_clouds.path, "-o", tmp_path / "run", "--resume", "--epochs", 4)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 60
    for term in ("contrastive", "action"):
        assert sum(line[term] for line in lines[-15:]) < sum(line[term] for line in lines[:15])


def test_the_documented_code_is_the_example(package: Path) -> None:
    example = (ROOT / "examples" / "own_objective.py").read_text(encoding="utf-8")
    lines = (package / "alignment_uniformity.py").read_text(encoding="utf-8").strip()
    assert lines in example.replace("from aassl_ros.cli.main import main\n", "")


def test_every_method_is_in_the_docs_and_in_the_readme() -> None:
    for page in (DOCS, DOCS.parents[1] / "README.md"):
        text = page.read_text()
        assert [name for name in METHODS if f"`{name}`" not in text] == []
