"""`make setup` says in one line what it lacks; that it works is what every other test stands on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# What the script calls, and no compiler.
TOOLS = ["sh", "dirname", "cat", "cut", "find", "sort", "xargs", "sha256sum", "mkdir", "rm", "touch", "env", "uname"]


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up of a checkout's copy on a machine that has TOOLS only."""
    tools = folder / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    for name in ("scripts", "aassl_ros"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    for name in ("setup.py", "constraints.txt"):
        shutil.copy(CHECKOUT / name, folder)
    environment = {"PATH": str(tools), "HOME": os.environ.get("HOME", "/"), "PYTHON": python}
    command = ["sh", "scripts/setup.sh"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_unsupported_python_is_reported_with_the_supported_ones(tmp_path: Path) -> None:
    result = set_up(tmp_path, "/usr/bin/false")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "from 3.10 to 3.14: /usr/bin/false" in result.stderr
    assert "apt install python3.11" in result.stderr


def test_a_missing_compiler_is_reported_before_anything_is_downloaded(tmp_path: Path) -> None:
    result = set_up(tmp_path, sys.executable)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("Install it: apt install g++")
    assert (tmp_path / ".venv/COLCON_IGNORE").exists()
    assert not list(tmp_path.glob(".venv/lib/python3*/site-packages/torch"))
