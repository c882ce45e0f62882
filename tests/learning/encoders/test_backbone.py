"""Backbones: written and read again as they were; weights fit whole or are refused; training can begin with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.augmentation.augmentation import Augmentation
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.checkpoints.to_backbone import backbone_of
from aassl_ros.learning.encoders.backbone import adopt_weights, load_backbone, save_backbone
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(method="simclr_tt", batch=8, image_size=32, width=4, seed=3)
SEEN = ("cup_0001", "cup_0002")


def images(count: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def trained(folder: Path, **changes) -> Path:
    """A run after two updates."""
    learner = Learner(replace(SETTINGS, **changes))
    for _ in range(2):
        learner.step(images().numpy(), images().flip(0).numpy())
    save_checkpoint(folder, learner, Provenance(None, None, SEEN))
    return folder


def published(path: Path, settings: EncoderSettings, **changes: torch.Tensor | None) -> Path:
    """Random weights of such an encoder, some of them others or left out (None), as another program writes them."""
    weights = {name: value.contiguous() for name, value in build_encoder(settings).state_dict().items()}
    for name, value in changes.items():
        weights.pop(name.replace("__", "."), None)
        if value is not None:
            weights[name.replace("__", ".")] = value
    safetensors.torch.save_file(weights, path)
    return path


@pytest.mark.parametrize("encoder", ["resnet18", "vit_tiny"])
def test_a_backbone_is_read_as_it_was_written(encoder: str, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained(tmp_path / "run", encoder=encoder, pixel_statistics="imagenet"))
    save_backbone(backbone_of(checkpoint), tmp_path / "backbone.safetensors")
    found = load_backbone(tmp_path / "backbone.safetensors")
    assert (found.settings.encoder, found.settings.image_size, found.pixel_statistics) == (encoder, 32, "imagenet")
    assert (found.method, found.seed, found.instances) == ("simclr_tt", 3, SEEN)
    plain = Augmentation(checkpoint.settings, 32).plain(images())
    with torch.no_grad():
        assert torch.equal(found.encoder(found.plain(images())), checkpoint.encoder(plain))


def test_the_average_of_the_encoder_is_what_is_exported(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained(tmp_path / "run", ema=0.9))
    save_backbone(backbone_of(checkpoint), tmp_path / "backbone.safetensors")
    found = load_backbone(tmp_path / "backbone.safetensors").encoder.state_dict()["conv1.weight"]
    assert torch.equal(found, checkpoint.weights["averaged_encoder.conv1.weight"])
    assert not torch.equal(found, checkpoint.weights["encoder.conv1.weight"])


def test_anyone_can_read_what_a_backbone_is(tmp_path: Path) -> None:
    save_backbone(backbone_of(load_checkpoint(trained(tmp_path / "run"))), tmp_path / "backbone.safetensors")
    with safetensors.safe_open(tmp_path / "backbone.safetensors", "pt") as file:
        said = file.metadata()
        assert tuple(file.get_tensor("layer4.1.conv2.weight").shape) == (32, 32, 3, 3)
    assert (said["encoder"], said["features"], said["mean"]) == ('"resnet18"', "32", "[0.5, 0.5, 0.5]")


def test_pixels_are_normalised_as_torchvision_does() -> None:
    found = Augmentation(replace(SETTINGS, pixel_statistics="imagenet"), 32).plain(images())
    colours = images().numpy().astype(np.float64) / 255
    expected = (colours - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


WIDE = EncoderSettings(encoder="resnet18", width=4, image_size=32)


def test_a_classifier_may_be_left_over_and_a_counter_of_batches_may_lack(tmp_path: Path) -> None:
    file = published(tmp_path / "w.safetensors", WIDE, fc__weight=torch.ones(10, 32), bn1__num_batches_tracked=None)
    backbone, left_over = adopt_weights(file, WIDE, "imagenet")
    assert left_over == ("fc.weight",)
    assert (backbone.method, backbone.instances) == ("frozen", ())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bn1__weight": None}, r"missing bn1\.weight\. Choose"),
        ({"projector__weight": torch.ones(2)}, r"unexpected projector\.weight\. Choose"),
        ({"conv1__weight": torch.ones(8, 3, 7, 7)}, r"conv1\.weight is 8x3x7x7, expected 4x3x7x7\. Choose"),
    ],
    ids=["missing", "unexpected", "shape"],
)
def test_weights_that_fit_in_part_are_refused_by_name(changes: dict, message: str, tmp_path: Path) -> None:
    file = published(tmp_path / "w.safetensors", WIDE, **changes)
    with pytest.raises(CheckpointError, match=rf"does not fit resnet18 of width 4 and stem imagenet: {message}"):
        adopt_weights(file, WIDE, "imagenet")


def test_the_error_for_another_architecture_names_only_some_weights(tmp_path: Path) -> None:
    file = published(tmp_path / "w.safetensors", replace(WIDE, encoder="resnet34"))
    with pytest.raises(CheckpointError, match=r"unexpected .* and \d+ more\.") as caught:
        adopt_weights(file, WIDE, "imagenet")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [None, b"", b"\x80\x02}q\x00.", b"\xff" * 64])
def test_a_file_that_is_not_safetensors_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        CheckpointError, match="is not a file" if content is None else "Pickled weights .* never opened"
    ):
        adopt_weights(file, WIDE, "imagenet")


def test_weights_of_an_unknown_encoder_are_not_a_backbone(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not a backbone.*aassl export .* --encoder NAME"):
        load_backbone(published(tmp_path / "w.safetensors", WIDE))


def test_positions_of_another_picture_size_are_interpolated(tmp_path: Path) -> None:
    small = EncoderSettings(encoder="vit_tiny", image_size=32, patch=8)
    file = published(tmp_path / "w.safetensors", small)
    before = safetensors.torch.load_file(file)["pos_embed"]
    large, _ = adopt_weights(file, replace(small, image_size=64), "imagenet")
    found = large.encoder.pos_embed.detach()
    assert found.shape == (1, 65, 192)
    assert torch.equal(found[:, 0], before[:, 0])
    torch.testing.assert_close(found[0, 1:].mean(0), before[0, 1:].mean(0), atol=0.02, rtol=0)
    same, _ = adopt_weights(file, small, "imagenet")
    assert torch.equal(same.encoder.pos_embed, before)


def test_training_and_its_momentum_copy_start_from_the_weights_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "backbone.safetensors"
    save_backbone(backbone_of(load_checkpoint(trained(tmp_path / "first"))), file)
    learner = Learner(replace(SETTINGS, method="byol", seed=9, weights=str(file)))
    taught = load_backbone(file).encoder.state_dict()
    for name, value in taught.items():
        assert torch.equal(learner.encoder.state_dict()[name], value)
        assert torch.equal(learner.objective["slow_encoder"].copy.state_dict()[name], value)
    assert str(learner.network.warm_start) == f"starts from the weights of {file}"


def test_instances_seen_by_the_first_weights_count_as_seen(tmp_path: Path) -> None:
    file = tmp_path / "backbone.safetensors"
    save_backbone(backbone_of(load_checkpoint(trained(tmp_path / "first"))), file)
    learner = Learner(replace(SETTINGS, weights=str(file)))
    save_checkpoint(tmp_path / "second", learner, Provenance(None, None, ("mug_0001",)))
    file.unlink()  # which a run that goes on does not need
    again = resume_learner(load_checkpoint(tmp_path / "second"))
    assert again.settings.weights == str(file)
    again.step(images().numpy(), images().numpy())
    save_checkpoint(tmp_path / "second", again, Provenance(None, None, ("mug_0001",)))
    assert load_checkpoint(tmp_path / "second").instances == (*SEEN, "mug_0001")


def test_pixels_other_than_the_weights_were_trained_on_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "backbone.safetensors"
    save_backbone(backbone_of(load_checkpoint(trained(tmp_path / "run"))), file)
    with pytest.raises(ConfigError, match=r"normalised by half.*Set pixel_statistics=half"):
        Learner(replace(SETTINGS, weights=str(file), pixel_statistics="imagenet"))
