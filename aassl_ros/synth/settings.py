"""Settings of `aassl synth`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aassl_ros.settings import setting
from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.synth.common_settings import CommonSettings


@dataclass(frozen=True)
class SynthSettings(CommonSettings):
    """Number of objects, how they move, and how much they and their pictures vary."""

    VERSION: ClassVar[int] = 2

    categories: int = setting(
        len(CATEGORIES), "Number of categories, in alphabetical order", minimum=1, maximum=len(CATEGORIES)
    )
    instances: int = setting(20, "Training objects of each category", minimum=1, maximum=5000)
    test_instances: int = setting(18, "Test objects of each category", minimum=0, maximum=5000)
    episodes: int = setting(2, "Episodes of each training object", minimum=1, maximum=1000)
    test_episodes: int = setting(1, "Episodes of each test object", minimum=1, maximum=1000)
    views: int = setting(40, "Frames of an episode, at 10 per second", minimum=2, maximum=1000)
    image_size: int = setting(64, "Width and height of the frames, pixels", minimum=8, maximum=512)
    clutter: float = setting(
        0.6, "How much random backgrounds differ from gray: 0 not at all, 1 fully", minimum=0.0, maximum=1.0
    )
    texture: float = setting(0.6, "Strength of the patterns on objects; 0: none", minimum=0.0, maximum=1.0)
    lighting: float = setting(
        0.6, "Variation of the light in direction, strength and colour; 0: none", minimum=0.0, maximum=1.0
    )
    camera: float = setting(
        0.6, "Variation of distance, field of view and place in the picture; 0: none", minimum=0.0, maximum=1.0
    )

    @property
    def all_episodes(self) -> int:
        """The total number of episodes."""
        each = self.instances * self.episodes + self.test_instances * self.test_episodes
        return self.categories * each
