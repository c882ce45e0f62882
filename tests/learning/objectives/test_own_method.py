"""A method of one's own: the example of docs/methods.md, put into a copy of the package as it stands there, trains."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aassl_ros
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.objectives.methods import METHODS

DOCS = Path(__file__).parents[3] / "docs" / "methods.md"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of aassl_ros to which the documented file and line were added."""
    copy = tmp_path / "package" / "aassl_ros"
    shutil.copytree(Path(aassl_ros.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file, line = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (copy / "learning" / "objectives" / "alignment_uniformity.py").write_text(file)
    methods = copy / "learning" / "objectives" / "methods.py"
    importing = "from aassl_ros.learning.objectives.alignment_uniformity import AlignmentUniformity\n\n_METHODS"
    methods.write_text(methods.read_text().replace("\n\n_METHODS", f"\n{importing}").replace("\n}", f"\n    {line}}}"))
    return copy.parent


def aassl(package: Path, *arguments: object) -> None:
    command = [sys.executable, "-c", "import sys; from aassl_ros.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    subprocess.run([*command, *map(str, arguments)], check=True, env=environment, cwd=package, timeout=240)


def test_the_documented_file_and_line_train_and_go_on(
    package: Path, turning_clouds: PreparedData, tmp_path: Path
) -> None:
    small = ("--method", "aa_uniformity", "--batch", 64, "--width", 8, "--window", "frames:1", "--lr", 2e-3)
    aassl(package, "train", turning_clouds.path, "-o", tmp_path / "run", *small, "--epochs", 2)
    aassl(package, "train", turning_clouds.path, "-o", tmp_path / "run", "--resume", "--epochs", 4)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 60
    for term in ("contrastive", "action"):
        assert sum(line[term] for line in lines[-15:]) < sum(line[term] for line in lines[:15])


def test_every_method_stands_in_the_docs_and_in_the_readme() -> None:
    for page in (DOCS, DOCS.parents[1] / "README.md"):
        text = page.read_text()
        assert [name for name in METHODS if f"`{name}`" not in text] == []
