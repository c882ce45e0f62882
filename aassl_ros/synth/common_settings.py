"""Settings that both kinds of rendered data share: seed, background, how objects turn and vary, processes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from aassl_ros.data.prepared.data import FORMAT
from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting


@dataclass(frozen=True)
class CommonSettings:
    """Settings of every rendered data set. VERSION: of the pictures; the same settings give other ones if it grows."""

    VERSION: ClassVar[int] = 1

    seed: int = setting(0, "Random seed. Another seed gives other objects and other episodes", minimum=0)
    background: str = setting(
        "changing",
        "Background: changing (random for each frame), constant (random for each episode) or plain (always gray)",
        choices=("constant", "changing", "plain"),
    )
    least_turn_deg: float = setting(
        10.0, "Smallest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    most_turn_deg: float = setting(
        20.0, "Largest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    variation: float = setting(1.0, "Shape variation within a category: 1 full, 0 none", minimum=0.0, maximum=1.0)
    jobs: int = setting(
        0, "Number of processes; 0: one per core. It does not change the frames", minimum=0, maximum=1024
    )

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
        key = {"format": FORMAT, "version": self.VERSION, "settings": self.frame_settings()}
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
