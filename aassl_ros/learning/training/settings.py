"""Settings of a training run over prepared data."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.ablations import AblationSettings
from aassl_ros.learning.optimization.optimizers import SCHEDULES
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting

NEVER, RANKME, RETRIEVAL = "never", "rankme", "retrieval"


@dataclass(frozen=True)
class EarlyStopSettings:
    """When a run stops before its last update."""

    early_stop: str = setting(NEVER, "Stop without labels, and keep the best encoder, by the effective rank of the "
                              "features (rankme), or by retrieval of actions on a tenth of the objects, which are then "
                              "not trained on (retrieval).", choices=(NEVER, RANKME, RETRIEVAL))  # fmt: skip
    early_stop_every: int = setting(25, "Updates between two measures.", minimum=1, maximum=1_000_000)
    patience: int = setting(3, "Measures without a better one after which a run stops.", minimum=1, maximum=1000)


@dataclass(frozen=True)
class TrainSettings(LearnerSettings, AblationSettings, EarlyStopSettings):
    """Settings of a run of `aassl train` over prepared data."""

    epochs: int = setting(100, "Number of passes over the frames.", minimum=1, maximum=1_000_000)
    updates: int = setting(0, "Number of updates of a run, in place of epochs; 0: epochs decides.",
                           minimum=0, maximum=1_000_000_000)  # fmt: skip
    schedule: str = setting("constant", "Learning rate after the warm-up: constant, or a cosine to zero at the end of "
                            "the run.", choices=SCHEDULES)  # fmt: skip
    warmup_epochs: float = setting(0.0, "Epochs of the learning rate's linear warm-up.", minimum=0, maximum=1_000_000)
    warmup_updates: int = setting(0, "Updates of the learning rate's linear warm-up, in place of warmup_epochs.",
                                  minimum=0, maximum=1_000_000_000)  # fmt: skip
    probe_every: float = setting(0.0, "Epochs between two probes (linear and kNN) of how well the features predict "
                                 "the labels; 0: never.", minimum=0, maximum=1_000_000)  # fmt: skip
    tensorboard: bool = setting(False, "Write RUN/tensorboard next to RUN/log.jsonl.")
    sets: tuple[str, ...] = setting(("train",), "Instance sets to train on.")
    validation: bool = setting(False, "Leave out a fifth of the train objects, for aassl evaluate --split val.")
    shards: int = setting(1, "Shards of whole episodes that each batch is drawn from equally. With several processes, "
                          "each reads only the frames of its own shards; 1: every process reads all.",
                          minimum=1, maximum=65536)  # fmt: skip
    max_seconds: float = setting(
        0.0, "Longest training time in seconds, over all resumed parts; 0: no limit.", minimum=0
    )
    save_every_s: float = setting(120.0, "Time between checkpoints in seconds.", minimum=0)
    torch_threads: int = setting(
        0,
        "Processor threads of torch; 0: one per core. On a shared machine a single one is often faster.",
        minimum=0,
        maximum=256,
    )
    ranks_timeout_s: float = setting(600.0, "How long a process of torchrun waits for another one, in seconds.",
                                     minimum=1, maximum=86400)  # fmt: skip
    keep: int = setting(3, "Number of checkpoints to keep, the newest ones.", minimum=1)

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in SETS]
        if unknown or not self.sets:
            raise ConfigError(f"sets = {list(self.sets)}, expected some of {', '.join(SETS)}.")


RESUMABLE = ("epochs", "updates", "max_seconds", "save_every_s", "keep", "torch_threads", "device", "precision",
             "compile", "probe_every", "tensorboard", "ranks_timeout_s")  # fmt: skip
"""Settings that may change when a run is resumed: apart from rounding they do not change its loss curve. With the
cosine schedule those of LENGTH do, and may not change.
"""

LENGTH = ("epochs", "updates")
"""Settings that decide when a run ends."""
