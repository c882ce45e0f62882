"""Installations of this checkout in the ways that users make them, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 120
# What makes up the package; all else in a checkout is made from it, or about it.
_SOURCE = (
    "aassl_ros",
    "config",
    "launch",
    "resource",
    "scripts",
    "sim",
    "package.xml",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
)


@dataclass(frozen=True)
class Installation:
    """An installed package: its place, and the shell command that sets up a terminal for it."""

    prefix: Path
    setup: str
    path: str

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of this installation would, outside of the checkout."""
        command = f'{self.setup} exec "$@"'
        environment = {**os.environ, "PATH": f"{self.path}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            ["sh", "-c", command, "sh", *map(str, words)],
            cwd=self.prefix,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )


def _copy_source(folder: Path) -> Path:
    source = folder / "source"
    source.mkdir()
    for name in _SOURCE:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
        else:
            shutil.copy(CHECKOUT / name, source)
    return source


def _install(way: str, folder: Path) -> Installation:
    source = _copy_source(folder)
    if way.startswith("colcon"):
        return _build_with_colcon(source, folder, ["--symlink-install"] if "symlink" in way else [])
    return _install_with_pip(source, folder, ["-e"] if "-e" in way else [])


def _install_with_pip(source: Path, folder: Path, options: list[str]) -> Installation:
    """Install into an environment that uses the packages of the tests' environment, so that nothing is downloaded."""
    prefix = folder / "environment"
    _call([sys.executable, "-m", "venv", "--without-pip", str(prefix)], folder)
    packages = next((prefix / "lib").glob("python3.*")) / "site-packages"
    borrowed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    pip = [sys.executable, "-m", "pip", "--python", str(prefix / "bin/python"), "install", "--quiet", "--no-index"]
    _call([*pip, "--no-deps", "--no-build-isolation", "--ignore-installed", *options, str(source)], folder)
    return Installation(prefix, "", str(prefix / "bin"))


def _build_with_colcon(source: Path, folder: Path, options: list[str]) -> Installation:
    install = folder / "install"
    colcon = [sys.executable, "-m", "colcon", "--log-base", str(folder / "log"), "build", *options]
    _call(
        [*colcon, "--base-paths", str(source), "--build-base", str(folder / "build"), "--install-base", str(install)],
        folder,
    )
    return Installation(install / "aassl_ros", f". {install}/setup.sh;", str(Path(sys.executable).parent))


def _call(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(
    scope="session", params=["pip install", "pip install -e", "colcon build", "colcon build --symlink-install"]
)
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return _install(request.param, tmp_path_factory.mktemp(request.param.replace(" ", "_")))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what makes up the package, without its tests."""
    return _copy_source(tmp_path)
