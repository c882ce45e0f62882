"""Online training has one action head: what was trained for several robots is refused, and this is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from online_trainers import online_trainers
from robot_data import PANDA, SO101, write_robot

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Any]:
    learner = LearnerSettings(width=4, image_size=16, batch=16, device="cpu")
    with online_trainers(tmp_path / "online", learner) as make:
        yield make


@pytest.fixture(scope="module")
def robots(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    folder = tmp_path_factory.mktemp("robots")
    write_robot(folder / "panda", PANDA)
    write_robot(folder / "so101", SO101, seed=1)
    return PreparedData.open(folder)


def test_a_checkpoint_of_several_robots_is_refused(online: Any, robots: PreparedData, tmp_path: Path) -> None:
    begin(tmp_path / "run")
    settings = TrainSettings(batch=16, width=4, updates=1)
    Trainer(robots, tmp_path / "run", settings).train(lambda progress: None, lambda: False)
    with pytest.raises(ConfigError, match=r"has action heads of several robots.*aassl export.*weights: FILE"):
        online(start=load_checkpoint(tmp_path / "run"))


def test_replay_data_of_several_robots_are_refused(online: Any, robots: PreparedData) -> None:
    with pytest.raises(ConfigError, match=r"have several action spaces \(joints \(panda_joint1.*Give those of one"):
        online(replay=robots, replay_fraction=0.5)
