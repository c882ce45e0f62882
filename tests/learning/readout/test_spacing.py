from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.learning.readout.spacing import evenly_spaced


@pytest.mark.parametrize(("count", "most", "expected"), [
    (5, 3, [0, 2, 4]), (3, 5, [0, 1, 2]), (5, 1, [0]), (0, 4, []), (11, 3, [0, 5, 10]),
])  # fmt: skip
def test_places_are_spread_from_the_first_to_the_last(count: int, most: int, expected: list[int]) -> None:
    np.testing.assert_array_equal(evenly_spaced(count, most), expected)
    np.testing.assert_array_equal(evenly_spaced(count, most, start=100), np.array(expected, int) + 100)


def test_no_place_comes_twice() -> None:
    for count in range(1, 60):
        for most in range(1, 60):
            places = evenly_spaced(count, most)
            assert len(set(places.tolist())) == len(places) == min(count, most)
