"""`aassl bench online-curve`: the objects it handles, and the share of the way that it computes."""

from __future__ import annotations

import math

import pytest

from aassl_ros.benchmarks.online_curve import covered, objects


def test_the_share_of_the_way_from_a_random_encoder_to_offline_training() -> None:
    assert covered(0.3, 0.46, 0.5) == pytest.approx(0.8)
    assert covered(0.3, 0.2, 0.5) == pytest.approx(-0.5)
    assert math.isnan(covered(0.3, 0.4, 0.3))


def test_no_object_is_in_two_sets_and_test_objects_come_early() -> None:
    listed = [text.split(":") for text in objects(4, seconds=60.0, episode_seconds=1.0, seed=3)]
    assert len(listed) >= 60
    assert len({instance for _, instance in listed}) == len(listed)
    categories = {instance.rpartition("_")[0] for _, instance in listed}
    assert len(categories) == 4
    tested = [place for place, (kind, _) in enumerate(listed) if kind == "test"]
    assert tested[0] < 12
    assert {listed[place][1].rpartition("_")[0] for place in tested} == categories
