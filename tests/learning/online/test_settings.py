"""What follows from the settings of online training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.encoders.pretrained import pretrained_backbone
from aassl_ros.learning.online.settings import OnlineSettings, resolve, starting_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint


@pytest.mark.parametrize("name", ["pretrained", "pretrained:efficientnet_lite0:96"])
def test_the_trainer_begins_with_the_images_of_the_evaluator_that_has_the_same_checkpoint(name: str) -> None:
    online = OnlineSettings(checkpoint=name)
    assert resolve(LearnerSettings(), online, None, None).image_size == pretrained_backbone(name).settings.image_size
    assert resolve(LearnerSettings(image_size=64), online, None, None).image_size == 64


def test_another_rate_after_a_checkpoint_changes_that_of_the_encoder_in_proportion(
    tmp_path: Path,
) -> None:
    trained = LearnerSettings(method="simclr", width=4, batch=4, image_size=32, lr=1e-3, encoder_lr=2e-4, device="cpu")
    start = load_checkpoint(save_checkpoint(tmp_path, Learner(trained), Provenance(None, None, (), "")))
    slower = resolve(LearnerSettings(), OnlineSettings(resumed_lr=5e-4), start, None)
    assert (slower.lr, slower.encoder_lr) == pytest.approx((5e-4, 1e-4))
    same = resolve(LearnerSettings(), OnlineSettings(), start, None)
    assert (same.lr, same.encoder_lr) == pytest.approx((1e-3, 2e-4))
    without = replace(start, settings=replace(trained, encoder_lr=0.0))
    assert resolve(LearnerSettings(), OnlineSettings(resumed_lr=5e-4), without, None).encoder_lr == 0.0


def test_a_run_is_not_begun_anew_if_it_was_begun_from_another_checkpoint(tmp_path: Path) -> None:
    provenance = Provenance(None, None, (), "")
    settings = LearnerSettings(method="simclr", width=4, batch=4, image_size=32, device="cpu")
    other = save_checkpoint(tmp_path / "other", Learner(settings), provenance)
    online = OnlineSettings(run_dir=str(tmp_path / "run"), checkpoint=str(other))
    first = starting_checkpoint(online)
    assert first is not None
    assert first.path == other
    own = save_checkpoint(tmp_path / "run", Learner(replace(settings, seed=1)), provenance)
    again = starting_checkpoint(online)
    assert again is not None
    assert again.path == own
    named = starting_checkpoint(replace(online, checkpoint=str(own)))
    assert named is not None
    assert named.path == own


def test_a_learning_rate_of_zero_can_be_continued_from(tmp_path: Path) -> None:
    still = LearnerSettings(method="simclr", width=4, batch=4, image_size=32, lr=0.0, encoder_lr=1e-4, device="cpu")
    start = load_checkpoint(save_checkpoint(tmp_path, Learner(still), Provenance(None, None, (), "")))
    assert resolve(LearnerSettings(), OnlineSettings(resumed_lr=1e-3), start, None).encoder_lr == 1e-4
