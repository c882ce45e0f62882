"""An arm that stands still while it is commanded to move is stuck; one that lags behind is not."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.motion.following import FollowingWatch

MS = 1_000_000


def stuck_after(measured, commanded, *, ms: int = 3000) -> int | None:
    """The time, ms, at which a joint is found stuck; None if it is not. measured, commanded: rad at a time in s."""
    watch = FollowingWatch(("one", "two"))
    watch.restart(0)
    for now in range(0, ms, 10):
        watch.see(now * MS, np.array([measured(now / 1e3), 0.0]), np.array([commanded(now / 1e3), 0.0]))
        if watch.stuck():
            assert watch.stuck().startswith("one stays where it is, though it was commanded to move by ")
            return now
    return None


def test_an_arm_that_does_not_move_is_found_within_a_second_and_a_quarter():
    assert stuck_after(lambda at: 0.0, lambda at: 0.3 * np.sin(2 * at)) <= 1250
    assert 1000 < stuck_after(lambda at: 0.4 * min(at, 1), lambda at: 0.4 * at) <= 2250


@pytest.mark.parametrize("lag_s", [0.0, 0.1, 0.4])
def test_an_arm_that_lags_is_not_stuck(lag_s):
    assert stuck_after(lambda at: np.sin(2 * max(at - lag_s, 0)), lambda at: np.sin(2 * at)) is None


def test_an_arm_at_rest_is_not_stuck_nor_is_one_with_a_gap_in_its_states():
    assert stuck_after(lambda at: 0.001 * np.sin(50 * at), lambda at: 0.05 * np.sin(at)) is None
    watch = FollowingWatch(("one",))
    watch.restart(0)
    watch.see(0, np.array([0.0]), np.array([np.nan]))
    watch.see(5_000 * MS, np.array([0.0]), np.array([0.0]))
    assert watch.stuck() == ""


def test_a_deviation_counts_only_once_it_lasts():
    watch = FollowingWatch(("one",))
    watch.restart(0)
    found = []
    for now in range(0, 4000, 10):
        away = 1.0 if now > 1000 else 0.0
        watch.see(now * MS, np.array([away]), np.array([0.0]))
        if watch.strayed(0.5):
            found.append(now)
    assert watch.strayed(0.5) == "one is 1.00 rad"
    assert 3000 <= found[0] <= 3020
