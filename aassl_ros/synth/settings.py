"""What `aassl synth` may be told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from aassl_ros.data.prepared.data import FORMAT
from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting
from aassl_ros.sim.categories import CATEGORIES

# Raised whenever the same settings would give other pictures.
VERSION = 2


@dataclass(frozen=True)
class SynthSettings:
    """How many objects, how they are moved, and how much they and their pictures differ."""

    categories: int = setting(
        len(CATEGORIES), "Number of categories, the first in order of the alphabet", minimum=1, maximum=len(CATEGORIES)
    )
    instances: int = setting(20, "Objects of each category to train on", minimum=1, maximum=5000)
    test_instances: int = setting(18, "Objects of each category to test on", minimum=0, maximum=5000)
    episodes: int = setting(2, "Episodes of each object to train on", minimum=1, maximum=1000)
    test_episodes: int = setting(1, "Episodes of each object to test on", minimum=1, maximum=1000)
    views: int = setting(40, "Frames of an episode, 10 a second", minimum=2, maximum=1000)
    image_size: int = setting(64, "Side of the frames, pixels", minimum=8, maximum=512)
    seed: int = setting(0, "Another seed draws other objects and other episodes", minimum=0)
    background: str = setting(
        "changing",
        "Behind the object: drawn for each frame, once for each episode, or always the same gray",
        choices=("constant", "changing", "plain"),
    )
    clutter: float = setting(
        0.6, "How far backgrounds that are drawn differ from gray; 0: not", minimum=0.0, maximum=1.0
    )
    least_turn_deg: float = setting(10.0, "Least turn from one frame to the next", minimum=0.0, maximum=180.0)
    most_turn_deg: float = setting(20.0, "Largest turn from one frame to the next", minimum=0.0, maximum=180.0)
    variation: float = setting(
        1.0, "How far objects of a category differ in shape: 1 as far as they may, 0 not", minimum=0.0, maximum=1.0
    )
    texture: float = setting(0.6, "Strength of the patterns on objects; 0: none", minimum=0.0, maximum=1.0)
    lighting: float = setting(
        0.6, "How far light differs in direction, strength and colour; 0: not", minimum=0.0, maximum=1.0
    )
    camera: float = setting(
        0.6, "How far distance, angle of view and place in the picture differ; 0: not", minimum=0.0, maximum=1.0
    )
    jobs: int = setting(
        0, "Processes that draw; 0: one a core. The frames are the same whatever it is", minimum=0, maximum=1024
    )

    @property
    def all_episodes(self) -> int:
        """How many episodes there are in all."""
        each = self.instances * self.episodes + self.test_instances * self.test_episodes
        return self.categories * each

    def check(self) -> None:
        """Raises ConfigError where two settings do not fit each other."""
        if self.least_turn_deg > self.most_turn_deg:
            raise ConfigError(
                f"least_turn_deg = {self.least_turn_deg:g}, expected at most most_turn_deg = {self.most_turn_deg:g}."
            )

    def of_the_frames(self) -> dict[str, Any]:
        """All that the frames depend on: how many processes draw them is not of it."""
        return {name: value for name, value in asdict(self).items() if name != "jobs"}

    def fingerprint(self) -> str:
        """The same for data that are the same."""
        key = {"format": FORMAT, "version": VERSION, "settings": self.of_the_frames()}
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
