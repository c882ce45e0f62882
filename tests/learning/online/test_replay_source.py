"""The replay data of online training may be prepared data, or bags, which are prepared once."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_streams import record, stream

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.errors import DataError
from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.replay_source import open_replay
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.settings import LearnerSettings

LEARNER = LearnerSettings(width=8, image_size=32, batch=4, device="cpu")


def test_bags_are_prepared_once_at_the_size_of_the_buffer_and_can_be_mixed_in(tmp_path: Path) -> None:
    bags = tmp_path / "bags"
    record(bags / "monday", stream(2.0))
    record(bags / "tuesday", stream(2.0, first_episode=5))
    online = OnlineSettings(run_dir=str(tmp_path / "run"), replay_data=str(bags), frame_size=16)
    said: list[str] = []
    data = open_replay(online, LEARNER, None, said.append)
    assert data is not None
    assert data.image_size == 16
    assert {"mug_0000", "mug_0006"} <= set(data.instances(("train",)))
    assert f"{len(data)} frames of 16 px were prepared in {tmp_path / 'run' / 'replay_data'}" in said[-1]
    again = open_replay(online, LEARNER, None, said.append)
    assert again is not None
    assert again.fingerprint == data.fingerprint
    assert "are there already" in said[-1]
    trainer = OnlineTrainer(online, LEARNER, sets=("train",), replay=data)
    assert trainer.frame_size == 16
    assert set(trainer._live.batches.instances) == set(data.instances(("train",)))


def test_prepared_data_are_opened_as_they_are(tmp_path: Path) -> None:
    written = write_patterns(tmp_path / "data", instances=2, frames=20)
    online = OnlineSettings(run_dir=str(tmp_path / "run"), replay_data=str(written.path))
    data = open_replay(online, LEARNER, None, pytest.fail)
    assert data is not None
    assert data.path == written.path
    assert not (tmp_path / "run").exists()


def test_without_replay_data_there_are_none_and_a_wrong_path_is_one_line(tmp_path: Path) -> None:
    assert open_replay(OnlineSettings(), LEARNER, None, pytest.fail) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, line in ((tmp_path / "nowhere", "does not exist"), (empty, "contains no bag")):
        online = OnlineSettings(run_dir=str(tmp_path / "run"), replay_data=str(path))
        with pytest.raises(DataError, match=line):
            open_replay(online, LEARNER, None, pytest.fail)
