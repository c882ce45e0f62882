"""Another package adds a method, an encoder and a reader, without a fork: pip installs it, and `aassl` finds them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from aassl_ros.data.prepared import PreparedData

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PACKAGE, folder / "source")  # a build leaves files next to its source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder / "site"), str(source)], check=True, timeout=240)
    places = [str(folder / "site"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in places if place)}


def aassl(environment: dict[str, str], *words: object) -> str:
    command = [sys.executable, "-m", "aassl_ros.cli.main", *map(str, words)]
    return subprocess.run(command, check=True, env=environment, timeout=240, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.slow
def test_their_pictures_are_prepared_and_their_method_trains_their_encoder(
    environment: dict[str, str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for name in ("mug-1", "mug-2", "lamp-1", "lamp-2"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for frame in range(12):
            image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "pictures" / name / f"{frame:03d}.png"), image)
    (tmp_path / "pictures" / "theirs.txt").touch()

    aassl(environment, "prepare", tmp_path / "pictures", "-o", tmp_path / "data", "--image-size", 32)
    data = PreparedData.open(tmp_path / "data")
    assert (len(data), data.categories) == (48, ("lamp", "mug"))

    run = ("train", data.path, "-o", tmp_path / "run")
    aassl(environment, *run, "--method", "theirs", "--encoder", "theirs", "--batch", 16, "--epochs", 1)
    aassl(environment, *run, "--resume", "--epochs", 2)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    assert all(np.isfinite(line["action"]) for line in lines)

    aassl(environment, "export", tmp_path / "run", "-o", tmp_path / "theirs.safetensors")
    reported = json.loads(
        aassl(environment, "export", tmp_path / "theirs.safetensors", "-o", tmp_path / "again.safetensors", "--json")
    )
    assert (reported["method"], reported["encoder"], reported["features"]) == ("theirs", "theirs", 16)


def test_help_names_what_they_add(environment: dict[str, str]) -> None:
    assert "theirs" in aassl(environment, "train", "--help")
    assert "theirs" in aassl(environment, "prepare", "--help")


def test_without_the_package_one_line_says_that_there_is_no_such_method(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "train", str(tmp_path), "-o", str(tmp_path / "run")]
    done = subprocess.run([*command, "--method", "theirs"], timeout=240, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("aassl: aassl train: method = 'theirs', expected one of simclr,")
    assert done.stderr.count("\n") == 1
