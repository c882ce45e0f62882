"""Settings of a training run over prepared data."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.ablations import AblationSettings
from aassl_ros.learning.optimization.optimizers import SCHEDULES
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class TrainSettings(LearnerSettings, AblationSettings):
    """A run of `aassl train` over prepared data."""

    epochs: int = setting(100, "Passes over the frames.", minimum=1, maximum=1_000_000)
    updates: int = setting(0, "Updates after which a run ends, whatever epochs says; 0: by the epochs.",
                           minimum=0, maximum=1_000_000_000)  # fmt: skip
    schedule: str = setting("constant", "Learning rate after the warm-up: as it is, or along a cosine to zero at the "
                            "end of the run.", choices=SCHEDULES)  # fmt: skip
    warmup_epochs: float = setting(0.0, "Epochs over which the learning rate rises.", minimum=0, maximum=1_000_000)
    probe_every: float = setting(0.0, "Epochs between looks at how well labels can be told from the features, by a "
                                 "linear probe and by kNN; 0: never.", minimum=0, maximum=1_000_000)  # fmt: skip
    tensorboard: bool = setting(False, "Write RUN/tensorboard beside RUN/log.jsonl.")
    sets: tuple[str, ...] = setting(("train",), "Instance sets to learn from.")
    validation: bool = setting(False, "Leave out a fifth of the train objects, for aassl evaluate --split val.")
    max_seconds: float = setting(
        0.0, "Longest training time in seconds, over all resumed parts; 0: no limit.", minimum=0
    )
    save_every_s: float = setting(120.0, "Time between checkpoints in seconds.", minimum=0)
    torch_threads: int = setting(
        0,
        "Processor threads of torch; 0: one a core. On a shared machine one alone is often faster.",
        minimum=0,
        maximum=256,
    )
    ranks_timeout_s: float = setting(600.0, "Longest wait in seconds of a process of torchrun for another.",
                                     minimum=1, maximum=86400)  # fmt: skip
    keep: int = setting(3, "Checkpoints kept, the newest ones.", minimum=1)

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in SETS]
        if unknown or not self.sets:
            raise ConfigError(f"sets = {list(self.sets)}, expected some of {', '.join(SETS)}.")


RESUMABLE = ("epochs", "updates", "max_seconds", "save_every_s", "keep", "torch_threads", "device", "precision",
             "compile", "probe_every", "tensorboard", "ranks_timeout_s")  # fmt: skip
"""Settings that may change when a run is resumed: they do not bend its loss curve, but for rounding. (With a cosine
those of LENGTH do, and may not.)
"""

LENGTH = ("epochs", "updates")
"""Settings that say where a run ends."""
