"""Settings of `aassl synth --household`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting
from aassl_ros.sim.household.categories import HOUSEHOLD, OTHERS
from aassl_ros.synth.common_settings import CommonSettings

QUICK = {
    "categories": 4, "instances": 3, "test_instances": 2, "other_categories": 2, "other_instances": 2, "views": 4,
    "test_views": 3, "grid_instances": 1, "image_size": 48,
}  # fmt: skip
"""Settings of --quick: made in seconds, for tests. Values that the user gives take precedence."""


@dataclass(frozen=True)
class HouseholdSettings(CommonSettings):
    """Number of objects, how they move, and how difficult they are to recognize."""

    VERSION: ClassVar[int] = 2

    categories: int = setting(
        len(HOUSEHOLD), "Number of categories, in alphabetical order", minimum=1, maximum=len(HOUSEHOLD)
    )
    instances: int = setting(20, "Training objects of each category", minimum=1, maximum=5000)
    test_instances: int = setting(10, "Test objects of each category", minimum=0, maximum=5000)
    other_categories: int = setting(
        len(OTHERS), "Categories of the second set DATA/other, which measures forgetting; 0: no second set",
        minimum=0, maximum=len(OTHERS),
    )  # fmt: skip
    other_instances: int = setting(
        5, "Training objects of each category of the second set, and as many test objects", minimum=1, maximum=5000
    )
    grid_instances: int = setting(
        0,
        "Test objects of each category that are drawn from the canonical views to DATA/views; 0: no such folder",
        minimum=0,
        maximum=5000,
    )
    views: int = setting(8, "Frames of an episode, at 10 per second", minimum=2, maximum=1000)
    test_views: int = setting(4, "Frames of an episode of a test object", minimum=2, maximum=1000)
    image_size: int = setting(96, "Width and height of the frames, pixels", minimum=8, maximum=512)
    clutter: float = setting(
        0.1, "How much backgrounds differ from gray, and how much lies in them: 0 nothing", minimum=0.0, maximum=1.0
    )
    occlusion: float = setting(
        0.1, "How often a gripper holds the object, and how far it reaches over it; 0: never", minimum=0.0, maximum=1.0
    )
    colour_freedom: float = setting(
        0.1, "Probability that a part's colour is of any hue, not typical of its material", minimum=0.0, maximum=1.0
    )
    tilt: float = setting(
        0.1, "How far objects lean and tumble: 0 upright, turning about the vertical axis; 1 any orientation and axis",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    least_turn_deg: float = setting(
        20.0, "Smallest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    most_turn_deg: float = setting(
        40.0, "Largest rotation from one frame to the next, degrees", minimum=0.0, maximum=180.0
    )
    texture: float = setting(0.5, "Strength of patterns, scratches and stains; 0: none", minimum=0.0, maximum=1.0)
    lighting: float = setting(
        0.3, "Variation of the lamps in number, direction, strength and colour; 0: none", minimum=0.0, maximum=1.0
    )
    camera: float = setting(
        0.1, "Variation of distance and field of view, and the camera's faults (noise, blur, colour, JPEG); 0: none",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip

    def check(self) -> None:
        """Raise ConfigError if two settings contradict each other."""
        super().check()
        if self.grid_instances > self.test_instances:
            raise ConfigError(
                f"grid_instances = {self.grid_instances}, expected at most test_instances = {self.test_instances}."
            )

    def frame_settings(self) -> dict[str, Any]:
        """All settings that the frames depend on: all but the number of processes."""
        return {"household": True, **super().frame_settings()}
