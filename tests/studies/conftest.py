"""Tiny data that all tests of studies learn from, and a scheduler that needs no other process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import AasslError
from aassl_ros.motion import rotations
from aassl_ros.studies.progress import Show, Standing
from aassl_ros.studies.run import Outcome, RunSpec, execute, name_of

SIZE, FRAMES = 16, 8
CATEGORIES = ("bar", "box", "dot")
TRAIN, TEST = 4, 2  # objects of each category


def write(path: Path, *, test: int = TEST, poses: bool = True, views: bool = False) -> PreparedData:
    """A category shows as the rows of noise that are lit; 12 train objects of 8 frames, and some to test on."""
    rng = np.random.default_rng(0)
    rows = [(name, index) for name in CATEGORIES for index in range(TRAIN + test)]
    with PreparedWriter(path, SIZE) as writer:
        for name, index in rows:
            _add(writer, name, index, FRAMES, rng, poses)
        writer.finish(f"tiny {test} {poses}")
    if views:
        with PreparedWriter(path / "views", SIZE) as writer:
            for name, index in rows:
                if index >= TRAIN:
                    _add(writer, name, index, 3, rng, poses)
            writer.finish("tiny views", facts={"view_names": ["front", "side", "back"]})
    return PreparedData.open(path)


def _add(writer: PreparedWriter, name: str, index: int, frames: int, rng: np.random.Generator, poses: bool) -> None:
    pictures = rng.integers(0, 100, (frames, SIZE, SIZE, 3), dtype=np.uint8)
    at = 5 * CATEGORIES.index(name)
    pictures[:, at : at + 5] += rng.integers(60, 150, 3, dtype=np.uint8)
    writer.append_frames(pictures)
    turns = np.stack([rotations.random_quaternion(rng) for _ in range(frames)])
    pose = np.concatenate([np.tile((0.0, 0.0, 0.5), (frames, 1)), turns], axis=1)
    stamps = 1_000_000_000 + 100_000_000 * np.arange(frames)
    states = EpisodeStates(stamps, object_pose=pose if poses else None)
    instance_set = "train" if index < TRAIN else "test"
    writer.add_episode("r", f"{name}-{index}", f"{name}_{index:04d}", name, instance_set, states)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return write(tmp_path_factory.mktemp("studies") / "data", views=True)


class Here:
    """Executes runs one after the other in this process; stops after so many updates of all."""

    def __init__(self, updates: int | None = None) -> None:
        self.updates = updates
        self.executed: list[str] = []

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for spec in specs:
            try:
                outcomes[name_of(spec)] = execute(spec, self)
            except AasslError as error:
                outcomes[name_of(spec)] = str(error)
            self.executed.append(name_of(spec))
            show(Standing(len(specs), len(outcomes)))
        return outcomes

    def show(self, done: int, total: int, note: str) -> None:
        if self.updates is not None:
            self.updates -= 1

    def stop(self) -> bool:
        return self.updates is not None and self.updates <= 0


@pytest.fixture
def here() -> type[Here]:
    return Here


@pytest.fixture(scope="session")
def write_tiny() -> Callable[..., PreparedData]:
    return write
