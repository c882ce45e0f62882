"""The replay ratio stays between its bounds, whatever the speeds of training and of the robot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.learning.online.rate_limiter import RateLimiter

ROOM = 100
EVENTS = st.lists(st.sampled_from(["frame", "update"]), max_size=400)


@given(EVENTS, st.floats(0.05, 50), st.integers(1, 64), st.integers(1, 100), st.integers(0, 50))
def test_no_more_pairs_are_drawn_than_the_kept_frames_allow(
    events: list[str], maximum: float, pairs: int, capacity: int, before: int
) -> None:
    limiter = RateLimiter(maximum, 0.0)
    appended, drawn = before, 0
    for event in events:
        if event == "frame":
            appended += 1
        elif limiter.may_draw(pairs, appended, min(appended, capacity)):
            limiter.drew(pairs)
            drawn += pairs
    assert drawn <= maximum * appended + 1e-6 * (1 + drawn)


@given(st.floats(0.05, 50), st.integers(1, 64), st.integers(1, 100))
def test_training_always_continues_while_frames_come(maximum: float, pairs: int, capacity: int) -> None:
    limiter = RateLimiter(maximum, 0.0)
    updates = appended = 0
    for _ in range(int(3 * pairs / maximum) + 3):
        appended += 1
        while limiter.may_draw(pairs, appended, min(appended, capacity)):
            limiter.drew(pairs)
            updates += 1
    assert updates >= 2
    assert updates * pairs <= maximum * appended + 1e-6


@given(st.integers(2, 50), st.integers(1, 20))
def test_a_robot_that_stands_still_is_not_trained_on_for_ever(maximum: int, held: int) -> None:
    """Unused frames are saved for no more than the buffer holds, so the end comes soon even after a long backlog."""
    limiter = RateLimiter(maximum, 0.0)
    assert limiter.may_draw(1, 10_000, held)
    updates = 0
    while limiter.may_draw(1, 10_000, held):
        limiter.drew(1)
        updates += 1
    assert updates == maximum * held


def test_without_an_upper_bound_training_never_waits_and_a_later_bound_counts_new_frames_only() -> None:
    limiter = RateLimiter(0.0, 0.0)
    for _ in range(1000):
        assert limiter.may_draw(16, 10, 10)
        limiter.drew(16)
    limiter.set_bounds(16.0, 0.0)
    assert not limiter.may_draw(16, 10, 10)
    assert limiter.may_draw(16, 11, 11)


@given(EVENTS, st.floats(0.05, 50), st.integers(1, 64))
def test_with_a_lower_bound_each_kept_frame_is_drawn_often_enough(
    events: list[str], minimum: float, pairs: int
) -> None:
    limiter = RateLimiter(0.0, minimum)
    limiter.drew(pairs)
    drawn, kept = pairs, 0
    most = max(ROOM, pairs / minimum)
    for event in events:
        if event == "update":
            limiter.drew(pairs)
            drawn += pairs
        else:
            kept += limiter.may_keep()
    assert kept <= drawn / minimum + most + 1e-6
    assert limiter.left_out == events.count("frame") - kept


def test_before_training_begins_and_without_a_lower_bound_every_frame_is_kept() -> None:
    waiting, unbounded = RateLimiter(0.0, 50.0), RateLimiter(0.0, 0.0)
    unbounded.drew(1)
    assert all(waiting.may_keep() and unbounded.may_keep() for _ in range(10 * ROOM))


def test_training_that_keeps_up_leaves_no_frame_out() -> None:
    limiter = RateLimiter(0.0, 8.0)
    for _ in range(200):
        limiter.drew(256)
        assert all(limiter.may_keep() for _ in range(32))


def test_the_measured_ratio_is_that_of_the_last_minute() -> None:
    now = 0.0
    limiter = RateLimiter(0.0, 0.0, clock=lambda: now)
    assert limiter.ratio() is None
    ratios = []
    for second in range(200):
        now = float(second)
        for _ in range(10):
            limiter.may_keep()
        limiter.drew(40 if second < 100 else 80)
        ratios.append(limiter.ratio())
    assert ratios[90] == pytest.approx(4.0, rel=0.05)
    assert ratios[-1] == pytest.approx(8.0, rel=0.05)
