"""Online training keeps the bounds of the replay ratio, and uses changed settings from the next update on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from online_trainers import online_trainers, wait_until

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.errors import ConfigError
from aassl_ros.learning.online.buffer_filler import BufferFiller
from aassl_ros.learning.settings import LearnerSettings

LEARNER = LearnerSettings(width=8, image_size=32, batch=16, device="cpu", method="simclr_tt")
FRAME_NS = 33_333_333


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Any]:
    """online(settings...) makes a trainer; all are stopped at the end."""
    with online_trainers(tmp_path / "run", LEARNER, min_frames=60, min_episodes=1) as make:
        yield make


def test_training_waits_for_new_frames_says_so_and_continues_with_them(online: Any, filled: Any, make_arm: Any) -> None:
    trainer = online(max_replay_ratio=2.0)
    intake: BufferFiller = filled(episodes=2, frames=32)
    kept = intake.counts.kept
    trainer.start(intake)
    waiting = wait_until(trainer, lambda status: "max_replay_ratio" in status.line)
    assert waiting.step == 2 * kept // 16
    assert "new frames: those in the buffer were drawn 2 times on average (max_replay_ratio)" in waiting.line
    assert waiting.shares["frames"] > 0.2
    more = make_arm(intake)
    more.now_ns = intake.newest_ns + FRAME_NS
    more.handle("slanted_0009", frames=32)
    wait_until(trainer, lambda status: status.step == 2 * intake.counts.kept // 16)


def test_a_bound_that_is_lifted_ends_the_wait(online: Any, filled: Any) -> None:
    trainer = online(max_replay_ratio=0.5)
    trainer.start(filled())
    ended = wait_until(trainer, lambda status: "max_replay_ratio" in status.line).step
    trainer.adjust(replace(trainer.pace.settings, max_replay_ratio=0.0))
    wait_until(trainer, lambda status: status.step >= ended + 3)


def test_frames_are_left_out_if_training_is_too_slow_and_this_is_said(online: Any, filled: Any, make_arm: Any) -> None:
    trainer = online(min_replay_ratio=50.0, updates_per_second=0.001)
    intake = filled()
    intake.may_keep = trainer.pace.limiter.may_keep
    trainer.start(intake)
    wait_until(trainer, lambda status: status.step == 1)
    kept = intake.counts.kept
    more = make_arm(intake)
    more.now_ns = intake.newest_ns + FRAME_NS
    more.handle("slanted_0009", frames=150)
    assert intake.counts.kept == kept + 100
    assert 40 < intake.counts.left_alone["min_replay_ratio"] <= 50
    assert "expected at least min_replay_ratio = 50" in trainer.status.warning
    trainer.adjust(replace(trainer.pace.settings, min_replay_ratio=0.0))
    assert trainer.status.warning == ""


def test_learning_rates_change_from_the_next_update_on_and_are_those_of_the_checkpoint(
    online: Any, filled: Any
) -> None:
    trainer = online()
    trainer.start(filled())
    assert wait_until(trainer, lambda status: status.step >= 1).lr == LEARNER.lr
    trainer.adjust(trainer.pace.settings, lr=1e-5)
    wait_until(trainer, lambda status: status.lr == 1e-5)
    with pytest.raises(ConfigError, match="trained with lr"):
        trainer.adjust(trainer.pace.settings, encoder_lr=1e-5)
    trainer.stop()
    assert trainer._live.learner.settings.lr == 1e-5


def test_an_encoder_with_a_learning_rate_of_its_own_gets_another_one(online: Any, filled: Any) -> None:
    trainer = online(replace(LEARNER, encoder_lr=1e-4))
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.adjust(trainer.pace.settings, encoder_lr=2e-5)
    learner = trainer._live.learner
    wait_until(trainer, lambda status: learner.optimizer.param_groups[0]["lr"] == 2e-5)
    assert trainer.status.lr == LEARNER.lr
    with pytest.raises(ConfigError, match="cannot be switched off"):
        trainer.adjust(trainer.pace.settings, encoder_lr=0.0)


def test_the_share_of_prepared_data_changes_while_training(online: Any, filled: Any, tmp_path: Path) -> None:
    replay = write_patterns(tmp_path / "data", instances=2, frames=20)
    trainer = online(replay=replay, replay_fraction=0.0)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    batches = trainer._live.batches
    assert batches.live_count == 16
    trainer.adjust(replace(trainer.pace.settings, replay_fraction=0.75))
    step = wait_until(trainer, lambda status: batches.live_count == 4).step
    wait_until(trainer, lambda status: status.step >= step + 3)
    assert trainer.status.warning == ""
    trainer.stop()
    saved = trainer.status.saved
    assert saved is not None
    assert trainer._live.batches.instances


def test_prepared_data_that_have_too_few_pairs_are_not_mixed_in_and_training_continues(
    online: Any, filled: Any, tmp_path: Path
) -> None:
    replay = write_patterns(tmp_path / "data", instances=1, frames=2)
    trainer = online(replay=replay, replay_fraction=0.0)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.adjust(replace(trainer.pace.settings, replay_fraction=0.9))
    told = wait_until(trainer, lambda status: status.warning)
    assert "replay_fraction = 0.9 is not used" in told.warning
    wait_until(trainer, lambda status: status.step >= told.step + 2)


def test_a_share_of_prepared_data_that_are_not_there_is_refused(online: Any) -> None:
    trainer = online()
    with pytest.raises(ConfigError, match="no effect without replay_data"):
        trainer.adjust(replace(trainer.pace.settings, replay_fraction=0.3))
