"""Frames on the grid of rows: a lost frame moves nothing, a long gap ends the stretch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aassl_ros.data.lerobot.rows import nearest, place_frames, runs, usual_rate

PERIOD = 100_000_000


def at(*tenths: float) -> np.ndarray:
    return np.array([5_000_000_000 + round(tenth * PERIOD) for tenth in tenths], np.int64)


def test_every_frame_of_a_steady_camera_has_its_row() -> None:
    (stretch,) = place_frames(at(*range(50)), 10, 5)
    assert stretch.frames.tolist() == list(range(50))
    assert not stretch.filled.any()


def test_jitter_and_a_rate_slightly_off_cost_no_frame() -> None:
    stamps = at(*(index * 1.001 + 0.3 * np.sin(index) for index in range(300)))
    (stretch,) = place_frames(stamps, 10, 5)
    assert stretch.frames.tolist() == list(range(300))
    assert np.abs(stretch.times_ns - stamps).max() <= 0.75 * PERIOD


def test_a_lost_frame_leaves_a_marked_row_and_the_frames_after_it_stay_in_place() -> None:
    (stretch,) = place_frames(at(0, 1, 2, 4, 5, 8, 9), 10, 5)
    assert stretch.frames.tolist() == [0, 1, 2, 2, 3, 4, 4, 4, 5, 6]
    assert stretch.filled.tolist() == [False, False, False, True, False, False, True, True, False, False]


def test_a_gap_longer_than_allowed_ends_the_stretch() -> None:
    first, second = place_frames(at(0, 1, 2, 9.4, 10.4), 10, 5)
    assert first.frames.tolist() == [0, 1, 2]
    assert second.frames.tolist() == [3, 4]
    assert second.times_ns[0] == at(9.4)[0]


def test_a_camera_faster_than_the_rows_is_thinned_to_the_nearest_frames() -> None:
    (stretch,) = place_frames(at(*np.arange(0, 10, 0.5)), 10, 5)
    assert stretch.frames.tolist() == list(range(0, 20, 2))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 1_000_000_000), min_size=1, max_size=60),
    st.integers(1, 120),
    st.integers(0, 20),
)
def test_rows_of_any_stamps_keep_their_order_and_their_time(gaps: list[int], fps: int, max_fill: int) -> None:
    stamps = np.cumsum(np.array(gaps, np.int64))
    used: list[int] = []
    for stretch in place_frames(stamps, fps, max_fill):
        real = stretch.frames[~stretch.filled]
        used += real.tolist()
        assert (np.diff(stretch.frames) >= 0).all()
        assert len(np.unique(real)) == len(real)
        away = np.abs(stretch.times_ns[~stretch.filled] - stamps[real])
        assert away.max() <= 0.75 * 1e9 / fps + 2
        lengths = [part.stop - part.start for part in runs(stretch.filled)]
        assert max(lengths, default=0) <= max_fill
    assert used == sorted(set(used))


def test_the_rate_is_that_of_the_frames_without_gaps() -> None:
    assert usual_rate(at(0, 1.1, 2, 2.9, 4, 40, 41.1, 42)) == pytest.approx(10, rel=0.03)
    assert usual_rate(at(3)) == 0.0


def test_the_nearest_stamp_of_each_time() -> None:
    assert nearest(at(0, 1, 2), at(-5, 0.4, 0.6, 1.9, 7)).tolist() == [0, 0, 1, 2, 2]
    assert nearest(at(3), at(0, 9)).tolist() == [0, 0]
