"""The window of pairs: how far apart the two frames of a pair may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aassl_ros.errors import ConfigError, DataError

UNITS = ("episode", "frames", "seconds", "degrees", "next", "walk")


@dataclass(frozen=True)
class Window:
    """The frames t' that may be partners of a frame t.

    With the units frames, seconds and degrees: minimum <= |t' - t| <= maximum, before or after t. The other units have
    no minimum: `episode` is any other frame of the episode; `next` is the next frame; `walk` is the end of a random
    walk of 1 to `maximum` steps to adjacent frames, reflected at the ends of the episode.

    Args:
        unit: one of UNITS.
        minimum: smallest distance, in `unit`.
        maximum: largest distance, in `unit`; steps for `walk`.

    Raises:
        DataError: the unit is unknown or the range is empty.
    """

    unit: str = "episode"
    minimum: float = 0.0
    maximum: float = float("inf")

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise DataError(f"window unit {self.unit!r} is unknown, expected one of {', '.join(UNITS)}.")
        if self.unit in ("episode", "next"):
            return
        if self.unit == "walk":
            if not 1 <= self.maximum < 1e6 or self.maximum != int(self.maximum) or self.minimum:
                raise DataError(f"walk of {self.maximum} steps, expected a whole number from 1 to 999999.")
            return
        if not 0 <= self.minimum <= self.maximum or self.maximum == 0:
            raise DataError(
                f"window from {self.minimum} to {self.maximum} {self.unit}: expected 0 <= minimum <= maximum > 0."
            )
        if self.unit == "frames" and self.maximum < 1:
            raise DataError(f"window of at most {self.maximum} frames contains no other frame, expected 1 or more.")

    @property
    def description(self) -> str:
        """The window as text, for messages."""
        if self.unit in ("frames", "seconds", "degrees"):
            return f"{self.minimum:g} to {self.maximum:g} {self.unit}"
        return {"episode": "one episode", "next": "one step", "walk": f"a walk of {self.maximum:g} steps"}[self.unit]

    def key_range(self, longest: int) -> tuple[int, int]:
        """The smallest and largest distance of keys, at least 1 (t' != t). longest: the longest episode, in keys."""
        if self.unit in ("episode", "degrees", "walk"):
            return 1, longest
        if self.unit == "next":
            return 1, 1
        unit = 1e9 if self.unit == "seconds" else 1.0
        return max(1, int(np.ceil(self.minimum * unit))), int(min(longest, np.floor(self.maximum * unit)))


def parse_window(text: str, name: str = "window") -> Window:
    """Read a window from the text of a setting, such as "episode" or "degrees:10:30".

    Args:
        text: episode, next, walk:STEPS, UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM.
        name: the name of the setting, for the error message.

    Returns:
        The window.

    Raises:
        ConfigError: the text is not a window.
    """
    unit, *bounds = text.split(":")
    counts = {"episode": (0,), "next": (0,), "walk": (1,)}.get(unit, (1, 2))
    expected = (
        f"{name} = {text!r}, expected episode, next, walk:STEPS, UNIT:MAXIMUM or UNIT:MINIMUM:MAXIMUM "
        "(for example degrees:10:30)."
    )
    if unit not in UNITS or len(bounds) not in counts:
        raise ConfigError(expected)
    try:
        numbers = [float(bound) for bound in bounds]
        return Window(unit, numbers[0] if len(numbers) == 2 else 0.0, *numbers[-1:])
    except (ValueError, DataError) as error:
        raise ConfigError(expected) from error
