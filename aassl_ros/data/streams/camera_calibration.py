"""Reads a camera's calibration from the YAML file that ROS's camera_calibration writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.interfaces.bounded_yaml import parse
from aassl_ros.errors import ConfigError

_LONGEST = 100_000


@dataclass(frozen=True)
class CameraCalibration:
    """A calibration, as in sensor_msgs/CameraInfo.

    width, height: of its images, pixels. model, distortion: such as plumb_bob with 5 numbers. matrix [9], rectification
    [9] and projection [12]: row by row, in pixels.
    """

    width: int
    height: int
    model: str
    distortion: tuple[float, ...]
    matrix: tuple[float, ...]
    rectification: tuple[float, ...]
    projection: tuple[float, ...]

    @classmethod
    def read(cls, path: Path) -> CameraCalibration:
        """Read a file. Raises ConfigError if it is missing or holds something else."""
        try:
            content = parse(path.read_text(encoding="utf-8"), max_characters=_LONGEST)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"calibration {path} cannot be read: {error}.") from error
        except ValueError as error:
            raise ConfigError(f"calibration {path} {error}.") from error
        try:
            return cls(
                int(content["image_width"]),
                int(content["image_height"]),
                str(content["distortion_model"]),
                _numbers(content["distortion_coefficients"], None),
                _numbers(content["camera_matrix"], 9),
                _numbers(content["rectification_matrix"], 9),
                _numbers(content["projection_matrix"], 12),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"calibration {path}: {error} is missing or wrong, expected a file of ROS's camera_calibration with "
                "image_width, image_height, distortion_model, distortion_coefficients and the three matrices."
            ) from error


def _numbers(entry: Any, count: int | None) -> tuple[float, ...]:
    values = tuple(float(text) for text in entry["data"])
    if not all(map(math.isfinite, values)) or (count is not None and len(values) != count):
        raise ValueError(f"{len(values)} numbers where {count or 'finite ones'} were expected")
    return values
