"""The thresholds of `aassl bag check`, typed and validated, from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from aassl_ros.errors import ConfigError, first_line
from aassl_ros.settings import from_mapping, setting

_MOST_BYTES = 1 << 16


def _share(default: float, description: str) -> float:
    value: float = setting(default, description, minimum=0.0, maximum=1.0)
    return value


@dataclass(frozen=True)
class Thresholds:
    """What a sound bag keeps to. Fractions are from 0 to 1; 1 in a `max_` switches a measure off."""

    min_frame_hz: float = setting(5.0, "Lowest median rate of a camera, Hz", minimum=0.0)
    min_joint_hz: float = setting(20.0, "Lowest median rate of the joint states, Hz", minimum=0.0)
    max_jitter: float = setting(
        0.5, "Highest 95th percentile of the difference to the median period, in periods", minimum=0.0
    )
    max_frame_gap_s: float = setting(0.5, "Longest gap between two frames, s", minimum=0.0)
    max_joint_gap_s: float = setting(0.2, "Longest gap between two joint states, s", minimum=0.0)
    max_unordered: float = _share(0.0, "Highest fraction of stamps that are equal to or older than one before")
    max_bracket_s: float = setting(0.1, "Widest time between the two joint states around a frame, s", minimum=0.0)
    max_wide_brackets: float = _share(0.01, "Highest fraction of frames in wider brackets, without both ends")
    max_receipt_s: float = setting(0.5, "Highest 95th percentile of stamp to receipt, s", minimum=0.0)
    max_offset_s: float = setting(
        0.04, "Largest offset between camera and joints that motion shows, if it is certain, s", minimum=0.0
    )
    min_offset_confidence: float = _share(0.6, "Confidence from which such an offset is certain")
    idle_speed: float = setting(0.01, "A joint is idle below this speed, rad/s or m/s", minimum=0.0)
    idle_s: float = setting(3.0, "Shortest idle stretch that counts, s", minimum=0.0)
    max_idle: float = _share(0.7, "Highest fraction of the time in idle stretches")
    frozen_frames: int = setting(5, "Number of equal frames that are frozen while the arm moves", minimum=2)
    max_frozen: float = _share(0.01, "Highest fraction of frozen frames")
    black_below: float = setting(12.0, "A frame is black below this mean brightness, 0 to 255", minimum=0.0)
    max_black: float = _share(0.01, "Highest fraction of black frames")
    overexposed_pixels: float = _share(0.5, "A frame is over-exposed if this fraction of it is at least 250 of 255")
    max_overexposed: float = _share(0.01, "Highest fraction of over-exposed frames")
    flat_below: float = setting(
        2.0, "A frame shows nothing below this standard deviation of brightness, 0 to 255", minimum=0.0
    )
    max_flat: float = _share(0.01, "Highest fraction of frames that show nothing")
    blurred_below: float = _share(0.3, "A frame is blurred if its sharpness is below this fraction of the bag's 90th "
                                  "percentile")  # fmt: skip
    min_sharpness: float = setting(
        0.004, "A frame is blurred below this sharpness, whatever the others are", minimum=0.0
    )
    max_blurred: float = _share(0.05, "Highest fraction of blurred frames")
    max_unreadable: float = _share(0.0, "Highest fraction of frames that cannot be decoded")
    max_encoder_step: float = setting(0.005, "Coarsest step of a joint's encoder, rad or m", minimum=0.0)
    limit_margin: float = setting(0.005, "A joint is at its limit within this distance, rad or m", minimum=0.0)
    max_at_limit: float = _share(0.01, "Highest fraction of states at or beyond a limit, for each joint")
    min_episodes: int = setting(1, "Lowest number of episodes", minimum=0)
    min_labelled: float = _share(1.0, "Lowest fraction of episodes with instance and category")
    min_in_episodes: float = _share(0.0, "Lowest fraction of frames in an episode")
    max_lost: float = _share(0.0, "Highest fraction of messages that the ledger says are lost or dropped")
    frames_measured: int = setting(
        6000, "At most so many frames of a camera are decoded, in evenly spaced groups of 300", minimum=300
    )


def load_thresholds(path: Path) -> Thresholds:
    """Read thresholds; keys that are absent keep their defaults. Raises ConfigError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} has {path.stat().st_size} bytes, expected a few thresholds.")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {first_line(error)}.") from error
    if found is None:
        return Thresholds()
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ConfigError(f"{path}: expected thresholds as `name: value`, one a line.")
    return from_mapping(Thresholds, found, source=str(path))
