"""Settings of learning: what a learner is made of, and how long a run over prepared data goes on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from aassl_ros.data.pairs.actions import ACTION_SPACES, ROTATIONS
from aassl_ros.data.pairs.sampler import UNITS, Window
from aassl_ros.data.streams.episodes import SETS
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.augmentation.augmentation import AugmentationSettings
from aassl_ros.learning.batches.ablations import ControlSettings
from aassl_ros.learning.compute.precision import AUTO, PRECISIONS
from aassl_ros.learning.encoders.factory import EncoderSettings
from aassl_ros.learning.objectives.base import PAIRS
from aassl_ros.learning.objectives.heads import FUSIONS
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.optimization.optimizers import OPTIMIZERS
from aassl_ros.learning.optimization.schedule import SCHEDULES
from aassl_ros.settings import setting

METHODS_OWN = "method"


@dataclass(frozen=True)
class LearnerSettings(EncoderSettings, AugmentationSettings):
    """The method and all it needs, offline and online alike; defaults are the paper's but for width and precision."""

    method: str = setting("aa_simclr", "What is learnt from a pair.", choices=tuple(METHODS))
    fusion: str = setting(
        "concat", "What the joint head takes of two images: both, or their difference.", choices=FUSIONS
    )
    weights: str = setting("", "Safetensors file that the encoder begins with: one of aassl export, torchvision's or "
                           "timm's; empty: new weights.")  # fmt: skip
    batch: int = setting(256, "Pairs in a batch.", minimum=2, maximum=65536)
    accumulate: int = setting(1, "Parts in which a batch is taken, one after the other, where it is too large for "
                              "the memory; negatives and batch norm see their part alone.",
                              minimum=1, maximum=65536)  # fmt: skip
    optimizer: str = setting("adamw", "What changes the weights; lars is for large batches.", choices=OPTIMIZERS)
    lr: float = setting(5e-4, "Learning rate; LARS wants far more than AdamW, some 0.3 for each 256 pairs of a batch.",
                        minimum=0, maximum=10)  # fmt: skip
    weight_decay: float = setting(1e-6, "Weight decay.", minimum=0, maximum=1)
    ema: float = setting(0.0, "What an average of the encoder over the updates keeps at each (0.999, say); the average "
                         "is then what is evaluated and exported. 0: none.", minimum=0, maximum=0.999999)  # fmt: skip
    precision: str = setting(AUTO, "Numbers inside encoder and heads; auto: bf16 on a GPU that has it, else fp32.",
                             choices=PRECISIONS)  # fmt: skip
    compile: bool = setting(False, "Compile the encoder by torch.compile: slow to start, quicker on a GPU.")
    temperature: float = setting(0.0, "Temperature of the loss between images, where it has one; 0: the method's own "
                                 "(0.1; MoCo v3 and EquiMod 0.2).", minimum=0, maximum=100)  # fmt: skip
    action_temperature: float = setting(0.0, "Temperature of the action term; 0: the method's own.",
                                        minimum=0, maximum=100)  # fmt: skip
    contrastive_weight: float = setting(1.0, "Weight of the loss between images.", minimum=0, maximum=1000)
    action_weight: float = setting(1.0, "Weight of the action term.", minimum=0, maximum=1000)
    same_action: float = setting(0.0, "Pairs whose actions differ by at most this, in degrees, are no negatives of "
                                 "each other in the action term; 0: all are.", minimum=0, maximum=180)  # fmt: skip
    slow_momentum: float = setting(0.996, "What a slow copy keeps of its weights at each update (BYOL, MoCo v3).",
                                   minimum=0, maximum=1)  # fmt: skip
    action_space: str = setting(AUTO, "What is taken for the action; auto: the best that the data hold.",
                                choices=(AUTO, *ACTION_SPACES))  # fmt: skip
    rotation: str = setting("vector", "How a turn is written in an action.", choices=ROTATIONS)
    action_components: tuple[str, ...] = setting(
        (), "Parts of the action that are kept, or with a minus before each those left out; empty keeps all."
    )
    pairs: str = setting(METHODS_OWN, "What makes a pair: two views of one frame (classic), two frames as they are "
                         "(time), two frames augmented (combined), or what the method takes.",
                         choices=(METHODS_OWN, *PAIRS))  # fmt: skip
    window: str = setting("episode", "How far apart the frames of a pair may be: episode, next, walk:STEPS, or "
                          "UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM with frames, seconds or degrees.")  # fmt: skip
    seed: int = setting(0, "Seed of weights, pairs and augmentation.", minimum=0, maximum=2**31 - 1)
    device: str = setting(AUTO, "Where to learn: auto (a GPU where there is one), cpu, cuda or cuda:NUMBER.")

    @property
    def pair_kind(self) -> str:
        """One of PAIRS: what `pairs` asks for, else the method's own."""
        return METHODS[self.method].pairs if self.pairs == METHODS_OWN else self.pairs


@dataclass(frozen=True)
class TrainSettings(LearnerSettings, ControlSettings):
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


def parse_window(text: str, name: str = "window") -> Window:
    """The window that a setting, called `name`, means. Raises ConfigError."""
    unit, *bounds = text.split(":")
    counts = {"episode": (0,), "next": (0,), "walk": (1,)}.get(unit, (1, 2))
    expected = (
        f"{name} = {text!r}, expected episode, next, walk:STEPS, or UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM "
        "(degrees:10:30)."
    )
    if unit not in UNITS or len(bounds) not in counts:
        raise ConfigError(expected)
    try:
        numbers = [float(bound) for bound in bounds]
        return Window(unit, numbers[0] if len(numbers) == 2 else 0.0, *numbers[-1:])
    except (ValueError, DataError) as error:
        raise ConfigError(expected) from error


def choose_device(name: str) -> torch.device:
    """The device that the setting `device` means. Raises ConfigError where it is not there."""
    if name == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device = {name!r} is not to be had here. Leave it at auto, or take cpu.") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device = {name!r}, expected auto, cpu, cuda or cuda:NUMBER.")
    return device
