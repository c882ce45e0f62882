"""Online trainers for tests: made with some defaults, stopped at the end, and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.online.status import OnlineStatus
from aassl_ros.learning.settings import LearnerSettings


def wait_until(trainer: OnlineTrainer, reached: Callable[[OnlineStatus], Any], timeout_s: float = 120) -> OnlineStatus:
    """Wait until the status is as it should be; fails the test after timeout_s."""
    until = time.monotonic() + timeout_s
    while not reached(status := trainer.status):
        assert time.monotonic() < until, status
        time.sleep(0.01)
    return status


@contextmanager
def online_trainers(run: Path, usual: LearnerSettings, **defaults: Any) -> Iterator[Callable[..., OnlineTrainer]]:
    """Yield make(learner, settings...), which makes a trainer; all are stopped at the end.

    usual: the learner if none is given. defaults: of the settings; `start` and `replay` are those of the trainer.
    """
    trainers: list[OnlineTrainer] = []

    def make(learner: LearnerSettings = usual, **values: Any) -> OnlineTrainer:
        parts = {key: values.pop(key) for key in ("start", "replay") if key in values}
        settings = OnlineSettings(**{"run_dir": str(run), **defaults, **values})
        trainers.append(OnlineTrainer(settings, learner, sets=("train", "online"), **parts))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.stop()
