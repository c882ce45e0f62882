"""Export of encoders to ONNX, checked against torch: uint8 [N, S, S, 3] RGB -> features float32 [N, D], any N."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aassl_ros.errors import CheckpointError, ConfigError, first_line
from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS
from aassl_ros.learning.encoders.backbone import Backbone, write_export

TOLERANCE = 1e-3
"""Largest allowed difference of a feature from torch's, as a share of the largest feature: ONNX Runtime adds float32
numbers in another order.
"""
INSTALL = "pip install onnx onnxscript onnxruntime"
_IMAGES, _FEATURES = "images", "features"
_TRACED, _CHECKED = 2, (1, 3)  # images in a batch


class Deployed(nn.Module):
    """A backbone with the normalisation of images inside, so that nobody can forget it."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.encoder = backbone.encoder
        mean, std = PIXEL_STATISTICS[backbone.pixel_statistics]
        self.register_buffer("mean", 255 * torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Embed images: uint8 [N, S, S, 3] -> features float32 [N, D]."""
        planes = images.permute(0, 3, 1, 2).float()
        return self.encoder((planes - self.mean) / self.std)


def export_onnx(backbone: Backbone, path: Path) -> float | None:
    """Write a backbone as an ONNX file, and check it if onnxruntime is installed.

    Returns the largest difference from torch as a share of the largest feature, None if it was not checked.
    Raises ConfigError if onnx is not installed. Raises CheckpointError, and writes no file, if torch cannot export the
    encoder or the features differ from torch's.
    """
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ConfigError(f"the export to ONNX needs packages that are not installed. Install them: {INSTALL}.")
    content = _to_onnx(Deployed(backbone).eval(), backbone)
    difference = _difference(content, backbone) if find_spec("onnxruntime") is not None else None
    if difference is not None and not difference <= TOLERANCE:
        raise CheckpointError(
            f"{path} is not written: ONNX Runtime's features differ from torch's by {difference:.1e} of the largest, "
            f"expected at most {TOLERANCE:.0e}. Export safetensors instead."
        )
    write_export(path, content)
    return difference


def _to_onnx(model: Deployed, backbone: Backbone) -> bytes:
    import onnx

    size = backbone.settings.image_size
    example = torch.zeros(_TRACED, size, size, 3, dtype=torch.uint8)
    try:
        with _silence(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (example,),
                input_names=[_IMAGES],
                output_names=[_FEATURES],
                dynamic_shapes=({0: torch.export.Dim("count", min=1)},),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many different ones
        raise CheckpointError(
            f"torch cannot export {backbone.settings.encoder} as ONNX ({first_line(error)})."
        ) from error
    assert program is not None
    proto = program.model_proto
    onnx.helper.set_model_props(proto, backbone.metadata())
    return bytes(proto.SerializeToString())


def _difference(content: bytes, backbone: Backbone) -> float:
    """Return the largest difference from torch, on random images in batches of other sizes than the traced one."""
    import onnxruntime

    rng, size = np.random.default_rng(0), backbone.settings.image_size
    worst = 0.0
    for count in _CHECKED:
        images = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
        with torch.inference_mode():
            expected = backbone.encoder(backbone.plain(torch.from_numpy(images))).numpy()
        try:
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            (found,) = session.run([_FEATURES], {_IMAGES: images})
            worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
        except Exception as error:  # ONNX Runtime's own exceptions, and shapes that do not fit
            raise CheckpointError(f"ONNX Runtime cannot run the exported encoder ({first_line(error)}).") from error
    return worst


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without messages of the exporter to its developers."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
