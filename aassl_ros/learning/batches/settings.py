"""Settings of pairs: batch size, distance between the frames, and the action space."""

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
    """Which pairs a method is trained on. Method and augmentation are part of it: they decide what makes a pair."""

    batch: int = setting(256, "Pairs in a batch.", minimum=2, maximum=65536)
    accumulate: int = setting(1, "Number of equal parts in which a batch is processed one after the other, if it "
                              "exceeds the memory; negatives and batch norm see only their part.",
                              minimum=1, maximum=65536)  # fmt: skip
    action_space: str = setting(AUTO, "What serves as the action; auto: the best that the data has.",
                                choices=(AUTO, *ACTION_SPACES))  # fmt: skip
    rotation: str = setting("vector", "Representation of rotations in an action.", choices=ROTATIONS)
    action_components: tuple[str, ...] = setting(
        (), "Parts of the action to keep, or, with a minus before each, to leave out; empty keeps all."
    )
    pairs: str = setting(METHODS_OWN, "What makes a pair: two views of one frame (classic), two frames as they are "
                         "(time), two augmented frames (combined), or the method's own choice (method).",
                         choices=(METHODS_OWN, *PAIR_KINDS))  # fmt: skip
    window: str = setting("episode", "How far apart the frames of a pair may be: episode, next, walk:STEPS, "
                          "UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM; UNIT is frames, seconds or degrees.")  # fmt: skip
    distinct_episodes: bool = setting(
        False, "Whether the pairs of a batch are of different episodes, as far as there are enough (only offline)."
    )
    seed: int = setting(0, "Seed of weights, pairs and augmentation.", minimum=0, maximum=2**31 - 1)

    @property
    def pair_kind(self) -> str:
        """One of PAIR_KINDS: the setting `pairs`, or the method's own."""
        return METHODS[self.method].pairs if self.pairs == METHODS_OWN else self.pairs
