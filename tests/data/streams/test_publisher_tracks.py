"""The short way for states of a single publisher decides as the long way does."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams.publishers import PublisherTracks


class LongWay(PublisherTracks):
    """Takes each state the long way."""

    def _take_usual(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float]) -> bool:
        return False


STATE = st.tuples(
    st.integers(1, 30_000_000),  # ns since the state before
    st.sampled_from([("a", "b"), ("a", "b"), ("a", "b"), ("a",), ("b", "c")]),
    st.sampled_from([0.0, 0.001, 0.02, 1.0, -2.0]),  # change of position
)


@given(st.lists(STATE, max_size=60), st.integers(0, 2))
def test_the_short_way_decides_as_the_long_way(states: list[tuple[int, tuple[str, ...], float]], wanted: int) -> None:
    short, long = PublisherTracks(wanted), LongWay(wanted)
    stamp_ns, position = 0, 0.0
    for elapsed_ns, names, change in states:
        stamp_ns += elapsed_ns
        position += change
        positions = [position + number for number in range(len(names))]
        near = short.take_near(stamp_ns, names, positions)
        assert (near or short.take(stamp_ns, names, positions)) == long.take(stamp_ns, names, positions)
        assert (short.changes, short.problem) == (long.changes, long.problem)
