"""Small prepared data that tests of learning share."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import PreparedData


@pytest.fixture(scope="session")
def turning_clouds(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """24 objects of 40 frames, 32 px, each frame turned by 15 degrees from the one before; read only."""
    folder: Path = tmp_path_factory.mktemp("clouds") / "data"
    return write_synthetic(folder, episodes=24, frames=40, image_size=32)


@pytest.fixture(scope="session")
def few_clouds(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """The same with 8 objects, for runs that need not learn anything; read only."""
    folder: Path = tmp_path_factory.mktemp("few clouds") / "data"
    return write_synthetic(folder, episodes=8, frames=40, image_size=32)
