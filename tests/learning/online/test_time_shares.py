"""What a thread spends its time on, as shares of the last seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.learning.online.time_shares import TimeShares


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=50))
def test_the_shares_sum_to_one(times: list[tuple[str, float]]) -> None:
    clock = Clock()
    shares = TimeShares(("a", "b", "c"), "a", clock)
    for name, seconds in times:
        shares.begin(name)
        clock.now += seconds
    assert sum(shares.shares().values()) == pytest.approx(1.0)


def test_equal_turns_are_equal_shares_and_what_goes_on_counts() -> None:
    clock = Clock()
    shares = TimeShares(("work", "wait"), "wait", clock)
    for _ in range(3000):
        for name in ("work", "wait"):
            shares.begin(name)
            clock.now += 0.01
    assert shares.shares()["work"] == pytest.approx(0.5, abs=0.01)
    clock.now += 60
    assert shares.shares()["wait"] > 0.95
