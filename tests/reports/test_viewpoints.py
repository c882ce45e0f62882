"""Accuracy by the side from which the camera sees an object."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.motion import rotations
from aassl_ros.reports.viewpoints import AZIMUTHS, by_viewpoint


def seen_from(direction: tuple[float, float, float]) -> np.ndarray:
    """The pose of an object 0.5 m away in the camera's frame, of whose frame the camera is in this direction."""
    wanted = np.asarray(direction) / np.linalg.norm(direction)
    line_of_sight = np.array([0.0, 0.0, -1.0])  # from the object to the camera, in the camera's frame
    axis, cosine = np.cross(wanted, line_of_sight), float(wanted @ line_of_sight)
    length = float(np.linalg.norm(axis))
    turn = rotations.from_rotation_vector(axis / length * np.arctan2(length, cosine) if length > 0 else np.zeros(3))
    return np.concatenate([[0.0, 0.0, 0.5], turn])


@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        ((1.0, 0.1, 0.0), 1, 0),
        ((0.1, 1.0, 0.0), 1, 1),
        ((-1.0, -0.1, 0.2), 1, 4),
        ((1.0, -0.1, 0.0), 1, 7),
        ((0.3, 0.1, 1.0), 2, 0),
        ((0.1, -0.3, -1.0), 0, 6),
    ],
)
def test_a_view_counts_at_its_side(direction: tuple[float, float, float], row: int, column: int) -> None:
    found = by_viewpoint(np.stack([seen_from(direction)] * 3), np.array([True, False, True]))
    assert found is not None
    assert (found.frames.sum(), found.frames[row, column], found.right[row, column]) == (3, 3, 2)
    assert found.accuracy[row, column] == pytest.approx(2 / 3)
    assert np.isnan(found.accuracy).sum() == 3 * AZIMUTHS - 1


def test_frames_without_a_pose_do_not_count() -> None:
    known, nothing, here = seen_from((1.0, 0.1, 0.0)), np.full(7, np.nan), np.array([0.0, 0, 0, 0, 0, 0, 1])
    found = by_viewpoint(np.stack([known, nothing, here]), np.array([True, True, True]))
    assert found is not None
    assert found.frames.sum() == 1
    assert by_viewpoint(np.stack([nothing, here]), np.array([True, False])) is None
