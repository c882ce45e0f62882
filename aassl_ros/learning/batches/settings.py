"""Settings of pairs: how many make a batch, how far apart their frames are, and what counts as the action."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.data.pairs.actions import ACTION_SPACES, ROTATIONS
from aassl_ros.learning.augmentation.augmentation import AugmentationSettings
from aassl_ros.learning.compute.device import AUTO
from aassl_ros.learning.objectives.base import PAIR_KINDS, ObjectiveSettings
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.settings import setting

METHODS_OWN = "method"


@dataclass(frozen=True)
class PairSettings(AugmentationSettings, ObjectiveSettings):
    """Which pairs a method learns from. Method and augmentation belong to it: they decide what makes a pair."""

    batch: int = setting(256, "Pairs in a batch.", minimum=2, maximum=65536)
    accumulate: int = setting(1, "Parts in which a batch is taken, one after the other, where it is too large for "
                              "the memory; negatives and batch norm see their part alone.",
                              minimum=1, maximum=65536)  # fmt: skip
    action_space: str = setting(AUTO, "What is taken for the action; auto: the best that the data hold.",
                                choices=(AUTO, *ACTION_SPACES))  # fmt: skip
    rotation: str = setting("vector", "How a turn is written in an action.", choices=ROTATIONS)
    action_components: tuple[str, ...] = setting(
        (), "Parts of the action that are kept, or with a minus before each those left out; empty keeps all."
    )
    pairs: str = setting(METHODS_OWN, "What makes a pair: two views of one frame (classic), two frames as they are "
                         "(time), two frames augmented (combined), or what the method takes.",
                         choices=(METHODS_OWN, *PAIR_KINDS))  # fmt: skip
    window: str = setting("episode", "How far apart the frames of a pair may be: episode, next, walk:STEPS, or "
                          "UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM with frames, seconds or degrees.")  # fmt: skip
    seed: int = setting(0, "Seed of weights, pairs and augmentation.", minimum=0, maximum=2**31 - 1)

    @property
    def pair_kind(self) -> str:
        """One of PAIR_KINDS: what `pairs` asks for, else the method's own."""
        return METHODS[self.method].pairs if self.pairs == METHODS_OWN else self.pairs
