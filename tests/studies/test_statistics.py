"""Intervals, against calculations that share nothing with ours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aassl_ros.learning.measures.intervals import mean_interval
from aassl_ros.studies.statistics import paired_interval


@pytest.mark.parametrize("count", [2, 3, 5, 20, 21, 40])
def test_the_interval_of_a_mean_is_students(count: int) -> None:
    values = np.random.default_rng(count).normal(0.6, 0.02, count)
    found = mean_interval(values.tolist())
    expected = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.ci95 == pytest.approx(expected, rel=2e-4)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([0.5]).ci95 is None


def test_a_paired_interval_is_that_of_a_bootstrap_over_instances_and_seeds() -> None:
    rng = np.random.default_rng(1)
    theirs = rng.random((3, 30))
    ours = theirs + rng.normal(0.05, 0.2, (3, 30)) + rng.normal(0, 0.05, (3, 1))
    weights = rng.integers(5, 40, 30).astype(float)

    found = paired_interval(ours, theirs, weights)

    means = []
    for _ in range(4000):
        seeds, instances = rng.integers(0, 3, 3), rng.integers(0, 30, 30)
        drawn = (ours - theirs)[np.ix_(seeds, instances)]
        means.append(np.average(drawn, axis=1, weights=weights[instances]).mean())
    assert found.mean == pytest.approx(np.average((ours - theirs).mean(axis=0), weights=weights))
    assert found.ci95 == pytest.approx(np.percentile(means, (2.5, 97.5)), abs=0.006)


def test_equal_values_have_no_difference() -> None:
    same = np.random.default_rng(0).random((2, 10))
    found = paired_interval(same, same, np.ones(10))
    assert (found.mean, found.ci95) == (0.0, (0.0, 0.0))


def test_pairing_takes_out_what_all_methods_find_hard() -> None:
    rng = np.random.default_rng(2)
    hard = rng.random((1, 100))
    low, high = paired_interval(hard + 0.02, np.repeat(hard, 1, axis=0), np.ones(100)).ci95
    assert low == pytest.approx(0.02)
    assert high == pytest.approx(0.02)


def test_a_single_instance_has_no_interval() -> None:
    assert paired_interval(np.ones((2, 1)), np.zeros((2, 1)), np.ones(1)).ci95 is None
