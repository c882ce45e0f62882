"""ONNX: what a backbone becomes is run and compared before it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.encoders import export
from aassl_ros.learning.encoders.backbone import Backbone
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder

ENCODERS = {
    "resnet18": EncoderSettings(width=4, image_size=32),
    "vit_tiny": EncoderSettings(encoder="vit_tiny", image_size=32, patch=16),
}


class MeanColour(torch.nn.Module):
    """An encoder that is exported in a moment."""

    features = 3

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def backbone(settings: EncoderSettings, encoder: torch.nn.Module | None = None) -> Backbone:
    return Backbone((encoder or build_encoder(settings)).eval(), settings, "imagenet", instances=("cup_0001",))


@pytest.mark.parametrize("name", ENCODERS)
def test_an_onnx_file_takes_images_as_they_are_and_gives_torchs_features(name: str, tmp_path: Path) -> None:
    runtime, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    source = backbone(ENCODERS[name])
    if name == "vit_tiny":
        source.encoder.blocks = source.encoder.blocks[:2]  # all twelve are alike, and slow to trace
    assert export.export_onnx(source, tmp_path / "backbone.onnx") < 1e-4
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    session = runtime.InferenceSession(tmp_path / "backbone.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["features"], {"images": images})
    with torch.no_grad():
        expected = source.encoder(source.plain(torch.from_numpy(images))).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    said = {entry.key: json.loads(entry.value) for entry in onnx.load(tmp_path / "backbone.onnx").metadata_props}
    assert (said["encoder"], said["instances"]) == (name, ["cup_0001"])


def test_a_file_that_computes_something_else_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    source = backbone(ENCODERS["resnet18"], MeanColour())

    class Wrong(export.Deployed):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images) + 0.05 * images.float().mean()

    monkeypatch.setattr(export, "Deployed", Wrong)
    with pytest.raises(CheckpointError, match="is not written: ONNX Runtime's features differ"):
        export.export_onnx(source, tmp_path / "backbone.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_cannot_be_exported_is_an_error_of_one_line(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")

    class Undecided(MeanColour):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3)) if images.sum().item() > 0 else images.amax((2, 3))

    source = backbone(ENCODERS["resnet18"], Undecided())
    with pytest.raises(CheckpointError, match="torch cannot export resnet18 as ONNX") as caught:
        export.export_onnx(source, tmp_path / "backbone.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("absent", ["onnx", "onnxscript"])
def test_without_onnx_the_command_that_brings_it_is_named(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == absent else object())
    with pytest.raises(ConfigError, match="pip install onnx onnxscript onnxruntime"):
        export.export_onnx(backbone(ENCODERS["resnet18"], MeanColour()), tmp_path / "backbone.onnx")
