"""Files of users from before the regrouping, unpacked once; and what they typed and connected to."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aassl_ros.cli.main import main

HERE = Path(__file__).parent
ARTEFACTS = HERE / "artefacts"

Aassl = Callable[..., str]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of bags, data and runs; read only."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ARTEFACTS / "files.tar.xz") as tar:
        # The filter is in every Python since its security releases of June 2023.
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder


@pytest.fixture
def own_copy(unpacked: Path, tmp_path: Path) -> Callable[[str], Path]:
    """own_copy("run_byol") is a copy of that artefact for the test alone."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(unpacked / name, tmp_path / name, symlinks=True))

    return copy


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    """What the commands said of these artefacts when they were made."""
    found: dict[str, Any] = json.loads((ARTEFACTS / "recorded.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def interface_then() -> dict[str, Any]:
    """What interface.py found at the time."""
    found: dict[str, Any] = json.loads((ARTEFACTS / "interface.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def interface() -> ModuleType:
    """The module interface.py."""
    spec = importlib.util.spec_from_file_location("compatibility_interface", HERE / "interface.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def aassl(capsys: pytest.CaptureFixture[str]) -> Aassl:
    """aassl("bag", "info", bag, status=0) runs a command, asserts its exit status and returns its stdout."""

    def run(*words: str | Path, status: int = 0) -> str:
        capsys.readouterr()
        found = main([*map(str, words)])
        said = capsys.readouterr()
        assert found == status, said.err
        return said.out

    return run
