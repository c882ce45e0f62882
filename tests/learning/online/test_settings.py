"""What follows from the settings of online training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aassl_ros.errors import AasslError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.encoders.backbone import save_backbone
from aassl_ros.learning.encoders.pretrained import pretrained_backbone
from aassl_ros.learning.online.live_learner import LiveLearner
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


def test_the_file_of_an_encoder_is_a_start_as_for_the_evaluator(tmp_path: Path) -> None:
    path = tmp_path / "eye.safetensors"
    save_backbone(pretrained_backbone("pretrained:efficientnet_lite1:96"), path)
    online = OnlineSettings(run_dir=str(tmp_path / "run"), checkpoint=str(path))
    assert starting_checkpoint(online) is None
    found = resolve(LearnerSettings(), online, None, None)
    assert (found.encoder, found.image_size, found.weights) == ("efficientnet_lite1", 96, str(path))
    assert (found.frozen_batch_norm, found.encoder_lr) == (True, 5e-5)


@pytest.mark.parametrize(
    ("changes", "trainable", "message"),
    [
        ({"image_size": 16}, "auto", "image_size = 16, but efficientnet_lite0 needs images of 32 px or more"),
        ({"encoder": "resnet18", "weights": "half"}, "auto", "cannot be read as safetensors"),
        ({}, "99", "trainable = 99, but the encoder has 18 layers"),
        ({"frozen_layers": 99}, "auto", "frozen_layers = 99, but the encoder has 18 layers"),
    ],
)
def test_an_encoder_that_cannot_be_trained_is_refused_before_any_frame_comes(
    tmp_path: Path, changes: dict[str, Any], trainable: str, message: str
) -> None:
    half = tmp_path / "half.safetensors"
    save_backbone(pretrained_backbone("pretrained:efficientnet_lite0:64"), half)
    half.write_bytes(half.read_bytes()[:5000])
    given = {"encoder": "efficientnet_lite0", "weights": "pretrained", "image_size": 64, **changes}
    if given["weights"] == "half":
        given["weights"] = str(half)
    online = OnlineSettings(run_dir=str(tmp_path / "run"), trainable=trainable)
    with pytest.raises(AasslError, match=message):
        LiveLearner(LearnerSettings(device="cpu", **given), online, sets=("train",), start=None, replay=None)
