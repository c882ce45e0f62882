"""How many layers of a pretrained encoder are trained on a machine, and what becomes of it online."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.encoders.pretrained import pretrained_weights
from aassl_ros.learning.online.buffer_filler import BufferFiller
from aassl_ros.learning.online.depth import Depth, choose_depth, measure_step_s
from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.nodes.first_minutes import FirstMinutes

SMALL = EncoderSettings(encoder="resnet18", width=8, image_size=32)
CPU = torch.device("cpu")


def choose(trainable: str, step_seconds: float = 1.0) -> Depth:
    return choose_depth(trainable, SMALL, batch=8, step_seconds=step_seconds, device=CPU)


def test_a_fast_machine_trains_all_layers_and_one_that_is_too_slow_the_last() -> None:
    fast, slow = choose("auto", step_seconds=1000.0), choose("auto", step_seconds=1e-9)
    assert (fast.frozen, fast.layers) == (0, 9)
    assert (slow.frozen, slow.layers) == (8, 9)
    assert slow.step_s is not None
    assert slow.step_s > 0
    assert str(slow).startswith("training the last 1 of 9 layers of the encoder (an update takes about")


def test_the_number_can_be_given() -> None:
    assert choose("all") == Depth(0, 9)
    assert choose("3") == Depth(6, 9)
    assert str(choose("3")) == "training the last 3 of 9 layers of the encoder"


@pytest.mark.parametrize(("trainable", "message"), [
    ("deep", "trainable = 'deep', expected auto, all, or a number of layers"),
    ("10", "trainable = 10, but the encoder has 9 layers"),
])  # fmt: skip
def test_a_wrong_number_is_one_line(trainable: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(trainable)


def test_frozen_layers_get_no_gradients_while_the_time_is_measured() -> None:
    encoder = build_encoder(SMALL)
    before = encoder.state_dict()["bn1.running_mean"].clone()
    assert measure_step_s(encoder, 5, 32, 8, CPU) > 0
    has = {name.split(".")[0] for name, weight in encoder.named_parameters() if weight.grad is not None}
    assert has == {"layer3", "layer4"}
    assert torch.equal(encoder.state_dict()["bn1.running_mean"], before)


def test_online_training_starts_from_the_pretrained_encoder_and_trains_its_last_layers(
    tmp_path: Path, filled: Callable[..., BufferFiller]
) -> None:
    online = OnlineSettings(
        run_dir=str(tmp_path / "run"), checkpoint="pretrained", trainable="2", min_frames=30, min_episodes=1,
        normalisation_frames=40, nice=0,
    )  # fmt: skip
    trainer = OnlineTrainer(online, LearnerSettings(batch=4, image_size=32, device="cpu"), sets=("online",))
    trainer.start(filled())
    until = time.monotonic() + 120
    while trainer.status.step == 0 and trainer.status.state != "failed" and time.monotonic() < until:
        time.sleep(0.01)
    status = trainer.status
    trainer.stop()
    assert status.step >= 1, status.line
    assert status.depth == Depth(16, 18)
    lines = FirstMinutes((), 0.0).report(status, 40, 1, 1.0)
    assert "training the last 2 of 18 layers of the encoder." in lines
    assert any(line.startswith("the action is object_pose") and "known for 100 %" in line for line in lines), lines
    checkpoint = load_checkpoint(tmp_path / "run")
    assert (checkpoint.settings.encoder, checkpoint.settings.frozen_layers) == ("efficientnet_lite0", 16)
    assert 0 < checkpoint.settings.encoder_lr < checkpoint.settings.lr
    assert checkpoint.settings.frozen_batch_norm
    published = pretrained_weights("efficientnet_lite0").weights
    found = checkpoint.encoder.state_dict()
    changed = {name for name, value in found.items() if not torch.equal(value, published[name])}
    assert changed
    assert all(name.startswith(("_blocks.15.", "_conv_head.", "_bn1.")) for name in changed)
