"""What keeps an encoder close to the weights it begins with."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(method="simclr", batch=8, image_size=32, width=8, lr=1e-2)


def trained(settings: LearnerSettings, steps: int = 3) -> tuple[Learner, dict[str, Tensor]]:
    """A learner after some updates, and the encoder's weights and buffers before them."""
    learner = Learner(settings)
    before = {name: value.clone() for name, value in learner.encoder.state_dict().items()}
    go_on(learner, steps)
    return learner, before


def go_on(learner: Learner, steps: int) -> None:
    rng = np.random.default_rng(learner.steps)
    for _ in range(steps):
        first, second = rng.integers(0, 256, (2, 8, 32, 32, 3), dtype=np.uint8)
        learner.step(first, second)


def changed(learner: Learner, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in learner.encoder.state_dict().items() if not torch.equal(value, before[name])}


def test_the_encoder_has_a_learning_rate_of_its_own() -> None:
    slow, before = trained(replace(SETTINGS, encoder_lr=1e-5))
    moved = max((slow.encoder.state_dict()[name] - before[name]).abs().max().item() for name, _ in weights_of(slow))
    # AdamW moves a weight by at most about its rate an update.
    assert 0 < moved < 3 * 1e-5 * 1.5
    assert slow.lr == SETTINGS.lr


def weights_of(learner: Learner) -> list[tuple[str, Tensor]]:
    return list(learner.encoder.named_parameters())


def test_frozen_layers_stay_and_the_others_move() -> None:
    learner, before = trained(replace(SETTINGS, frozen_layers=2))  # the stem and the first block
    moved = changed(learner, before)
    assert not any(name.startswith(("conv1.", "bn1.", "layer1.0.")) for name in moved)
    assert {"layer1.1.conv1.weight", "layer4.1.bn2.running_mean"} <= moved


def test_all_layers_can_be_frozen_and_the_heads_still_learn() -> None:
    learner, before = trained(replace(SETTINGS, frozen_layers=-1))
    assert changed(learner, before) == set()
    assert learner.steps == 3


def test_more_frozen_layers_than_there_are_is_one_line() -> None:
    with pytest.raises(ConfigError, match="frozen_layers = 99, but the encoder has 9 layers"):
        Learner(replace(SETTINGS, frozen_layers=99))


@pytest.mark.parametrize("method", ["simclr", "byol"])
def test_frozen_batch_norms_keep_statistics_and_weights(method: str) -> None:
    learner, before = trained(replace(SETTINGS, method=method, frozen_batch_norm=True))
    norms = {name for name, module in learner.encoder.named_modules() if isinstance(module, _BatchNorm)}
    moved = changed(learner, before)
    assert moved
    assert not any(name.rpartition(".")[0] in norms for name in moved)
    if method == "byol":
        copy = learner.network.encoder_copies[0].state_dict()
        assert all(torch.equal(copy[name], before[name]) for name in before if name.rpartition(".")[0] in norms)


def test_l2_sp_pulls_the_weights_back() -> None:
    def distance(stay_close: float) -> float:
        learner, before = trained(replace(SETTINGS, stay_close=stay_close), steps=10)
        return sum((value - before[name]).square().sum().item() for name, value in weights_of(learner))

    free, held = distance(0.0), distance(100.0)
    assert 0 < held < free / 2


def test_its_penalty_is_half_the_squared_distance() -> None:
    learner = Learner(replace(SETTINGS, stay_close=2.0))
    with torch.no_grad():
        learner.encoder.get_parameter("conv1.weight").add_(0.5)
    penalty = learner.adaptation.penalty(torch.zeros(1, 3, 32, 32), torch.zeros(1, 1))
    assert penalty is not None
    count = learner.encoder.get_parameter("conv1.weight").numel()
    assert penalty.item() == pytest.approx(2.0 / 2 * 0.25 * count, rel=1e-5)


def test_distillation_keeps_the_features_near_those_of_the_initial_encoder() -> None:
    images = torch.from_numpy(np.random.default_rng(5).normal(size=(16, 3, 32, 32)).astype(np.float32))

    def cosine(weight: float) -> float:
        learner = Learner(replace(SETTINGS, lr=1e-3, frozen_batch_norm=True, distillation=weight))
        before = deepcopy(learner.encoder).eval()
        go_on(learner, 10)
        with torch.no_grad():
            return torch.cosine_similarity(learner.encoder.eval()(images), before(images)).mean().item()

    free, held = cosine(0.0), cosine(100.0)
    assert free < held


def test_its_loss_has_a_gradient_for_the_encoder_and_none_for_the_teacher() -> None:
    learner = Learner(replace(SETTINGS, distillation=2.0))
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    learner.encoder.eval()
    same = learner.adaptation.penalty(images, learner.encoder(images))
    assert same is not None
    assert same.item() == pytest.approx(0, abs=1e-5)
    features = learner.encoder(images)
    opposite = learner.adaptation.penalty(images, -features)
    assert opposite is not None
    assert opposite.item() == pytest.approx(2.0 * 2, rel=1e-4)
    opposite.backward()
    assert all(weight.grad is not None for _, weight in weights_of(learner))


@pytest.mark.parametrize("kept", [{"stay_close": 10.0}, {"distillation": 1.0}])
def test_a_resumed_adaptation_equals_an_uninterrupted_one(tmp_path: Path, kept: dict[str, float]) -> None:
    settings = replace(SETTINGS, encoder_lr=1e-3, frozen_layers=1, **kept)
    whole, _ = trained(settings, steps=3)
    first, _ = trained(settings, steps=3)
    save_checkpoint(tmp_path, first, Provenance(None, None, ()))
    again = resume_learner(load_checkpoint(tmp_path))
    for learner in (whole, again):
        go_on(learner, 2)
    assert all(torch.equal(value, again.weights()[name]) for name, value in whole.weights().items())


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "vit_tiny", "efficientnet_lite0"])
def test_layers_from_the_image_on_hold_every_weight_but_positions(name: str) -> None:
    encoder = build_encoder(EncoderSettings(encoder=name, width=8, image_size=32))
    held = {id(weight) for layer in encoder.layers() for module in layer for weight in module.parameters()}
    missing = {name for name, weight in encoder.named_parameters() if id(weight) not in held}
    assert missing <= {"cls_token", "pos_embed"}
    assert len(encoder.loose_weights()) == len(missing)


@pytest.mark.parametrize("frozen", [1, -1])
def test_positions_are_frozen_with_the_first_layer(frozen: int) -> None:
    learner = Learner(replace(SETTINGS, encoder="vit_tiny", frozen_layers=frozen))
    trained = {name for name, weight in learner.encoder.named_parameters() if weight.requires_grad}
    assert not trained & {"cls_token", "pos_embed", "patch_embed.proj.weight"}
    assert bool(trained) == (frozen == 1)
