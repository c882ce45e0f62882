"""Event files contain the curve of the log; those of a resumed run replace entries after its checkpoint."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SETTINGS = TrainSettings(batch=160, width=4, epochs=2, tensorboard=True)  # 960 frames: 6 updates an epoch


def test_they_hold_the_curve_of_the_log(turning_clouds: PreparedData, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tmp_path / "run"
    begin(run)
    reported = []
    Trainer(turning_clouds, run, SETTINGS).train(reported.append, lambda: len(reported) == 8)
    checkpoint, settings = resume(run, {}, TrainSettings())
    Trainer(turning_clouds, run, settings, checkpoint).train(reported.append, lambda: False)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    events = accumulator.EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    for name in ("loss", "action", "lr"):
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(line["step"], pytest.approx(line[name])) for line in lines]
    assert [event.step for event in events.Scalars("rankme")] == [6, 12]


def test_without_the_package_its_command_is_named_before_any_work(
    turning_clouds: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as an import finds it that is not installed
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        Trainer(turning_clouds, tmp_path / "run", SETTINGS)
    Trainer(turning_clouds, tmp_path / "run", replace(SETTINGS, tensorboard=False))
