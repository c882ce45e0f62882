"""Settings of `aassl synth`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from aassl_ros.data.prepared.data import FORMAT
from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting
from aassl_ros.sim.categories import CATEGORIES

# Increase this number if the same settings would give other pictures.
VERSION = 2


@dataclass(frozen=True)
class SynthSettings:
    """Number of objects, how they move, and how much they and their pictures vary."""

    categories: int = setting(
        len(CATEGORIES), "Number of categories, in alphabetical order", minimum=1, maximum=len(CATEGORIES)
    )
    instances: int = setting(20, "Training objects of each category", minimum=1, maximum=5000)
    test_instances: int = setting(18, "Test objects of each category", minimum=0, maximum=5000)
    episodes: int = setting(2, "Episodes of each training object", minimum=1, maximum=1000)
    test_episodes: int = setting(1, "Episodes of each test object", minimum=1, maximum=1000)
    views: int = setting(40, "Frames of an episode, at 10 per second", minimum=2, maximum=1000)
    image_size: int = setting(64, "Width and height of the frames, pixels", minimum=8, maximum=512)
    seed: int = setting(0, "Random seed. Another seed gives other objects and other episodes", minimum=0)
    background: str = setting(
        "changing",
        "Background: changing (random for each frame), constant (random for each episode) or plain (always gray)",
        choices=("constant", "changing", "plain"),
    )
    clutter: float = setting(
        0.6, "How much random backgrounds differ from gray: 0 not at all, 1 fully", minimum=0.0, maximum=1.0
    )
    least_turn_deg: float = setting(
        10.0, "Smallest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    most_turn_deg: float = setting(
        20.0, "Largest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    variation: float = setting(1.0, "Shape variation within a category: 1 full, 0 none", minimum=0.0, maximum=1.0)
    texture: float = setting(0.6, "Strength of the patterns on objects; 0: none", minimum=0.0, maximum=1.0)
    lighting: float = setting(
        0.6, "Variation of the light in direction, strength and colour; 0: none", minimum=0.0, maximum=1.0
    )
    camera: float = setting(
        0.6, "Variation of distance, field of view and place in the picture; 0: none", minimum=0.0, maximum=1.0
    )
    jobs: int = setting(
        0, "Number of processes; 0: one per core. It does not change the frames", minimum=0, maximum=1024
    )

    @property
    def all_episodes(self) -> int:
        """The total number of episodes."""
        each = self.instances * self.episodes + self.test_instances * self.test_episodes
        return self.categories * each

    def check(self) -> None:
        """Raise ConfigError if two settings contradict each other."""
        if self.least_turn_deg > self.most_turn_deg:
            raise ConfigError(
                f"least_turn_deg = {self.least_turn_deg:g}, expected at most most_turn_deg = {self.most_turn_deg:g}."
            )

    def frame_settings(self) -> dict[str, Any]:
        """All settings that the frames depend on: all but the number of processes."""
        return {name: value for name, value in asdict(self).items() if name != "jobs"}

    def fingerprint(self) -> str:
        """A hash that is equal for equal data."""
        key = {"format": FORMAT, "version": VERSION, "settings": self.frame_settings()}
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
