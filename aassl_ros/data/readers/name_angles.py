"""Takes the angle of a turntable from the names of the pictures, such as img_030.jpg."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from aassl_ros.data.pictures.pictures import PictureEpisode, PictureSource
from aassl_ros.data.readers.published import PublishedSet
from aassl_ros.errors import ConfigError, DataError

ANGLE = "angle_deg"
"""The name of the recorded quantity. It ends with _deg, so that it wraps at 360 degrees."""


def angle_pattern(text: str) -> re.Pattern[str]:
    """Compile the regular expression of `--angle-from-name`.

    Args:
        text: with one group, which is the angle in degrees.

    Raises:
        ConfigError: it is not a regular expression with one group.
    """
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ConfigError(f"angle_from_name = {text!r} is no regular expression ({error}).") from error
    if pattern.groups != 1:
        raise ConfigError(
            f"angle_from_name = {text!r} has {pattern.groups} groups, expected one around the degrees: 'img_([0-9]+)'."
        )
    return pattern


def with_angles(source: PictureSource, pattern: re.Pattern[str]) -> PublishedSet:
    """Add the angle of each picture as the recorded quantity angle_deg.

    Args:
        source: its pictures are files, and it has no recorded quantities.
        pattern: see `angle_pattern`; it is searched in the file name.

    Returns:
        The same episodes with angles; NaN, and a note, if a name has none.

    Raises:
        DataError: what the group matches is not a number, or no name matches.
    """
    episodes, missing, total = [], 0, 0
    for episode in source.episodes:
        angles = _angles(episode, pattern)
        missing, total = missing + int(np.isnan(angles).sum()), total + len(angles)
        states = replace(episode.states, recorded_names=(ANGLE,), recorded=angles[:, None])
        episodes.append(replace(episode, states=states))
    if missing == total:
        first = source.episodes[0].images[0]
        raise DataError(
            f"no picture in {source.path} has a name that matches angle_from_name = {pattern.pattern!r} (the first is "
            f"{first}). The expression needs one group that is the angle in degrees, such as 'img_([0-9]+)'."
        )
    note = f"{missing} of {total} pictures have no angle: their names do not match {pattern.pattern}"
    notes = (*source.notes, note) if missing else tuple(source.notes)
    return PublishedSet(source.path, tuple(episodes), notes, tuple(source.continuous_joints))


def _angles(episode: PictureEpisode, pattern: re.Pattern[str]) -> np.ndarray:
    return np.array([_angle(str(picture), pattern) for picture in episode.images])


def _angle(picture: str, pattern: re.Pattern[str]) -> float:
    match = pattern.search(Path(picture).name)
    if match is None or match[1] is None:
        return np.nan
    try:
        angle = float(match[1])
    except ValueError:
        angle = np.inf
    if not np.isfinite(angle):
        raise DataError(
            f"{picture}: angle_from_name = {pattern.pattern!r} finds {match[1]!r}, expected a number of degrees."
        )
    return angle
