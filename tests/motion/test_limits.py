"""Joints stay within their limits and can always stop, whatever velocity is wanted."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from aassl_ros.motion.limits import MotionLimits

LIMITS = MotionLimits(
    positions=np.array([[-1.0, 1.0], [-0.2, 0.3], [0.0, 3.0]]),
    velocities=np.array([1.0, 2.0, 0.5]),
    accelerations=np.array([5.0, 8.0, 1.0]),
    step_s=0.05,
)
wishes = st.lists(st.tuples(*[st.floats(-9, 9)] * 3), min_size=1, max_size=60)


@settings(max_examples=200)
@given(wishes)
def test_no_wanted_velocity_leads_beyond_a_limit(wanted):
    position, velocity = np.array([0.0, 0.0, 0.1]), np.zeros(3)
    for wish in wanted:
        after = LIMITS.next_velocity(position, velocity, np.array(wish))
        assert np.all(np.abs(after - velocity) <= LIMITS.accelerations * 0.05 + 1e-9)
        position, velocity = position + (velocity + after) / 2 * 0.05, after
        assert LIMITS.hold(position, velocity, np.zeros(3))


@settings(max_examples=200)
@given(wishes)
def test_from_any_state_braking_ends_at_rest_within_the_limits(wanted):
    position, velocity = np.array([0.0, 0.0, 0.1]), np.zeros(3)
    for wish in wanted:
        after = LIMITS.next_velocity(position, velocity, np.array(wish))
        position, velocity = position + (velocity + after) / 2 * 0.05, after
    positions, velocities = LIMITS.brake(position, velocity, np.zeros(3))
    assert len(positions) * 0.05 <= LIMITS.braking_s + 1e-9
    steps = np.diff(np.concatenate([velocity[None], velocities]), axis=0)
    assert np.all(np.abs(steps) <= LIMITS.accelerations * 0.05 + 1e-9)
    if len(positions):
        assert np.all(velocities[-1] == 0)
        assert np.all(positions >= LIMITS.positions[:, 0] - 1e-6)
        assert np.all(positions <= LIMITS.positions[:, 1] + 1e-6)
    else:
        assert np.all(velocity == 0)


def test_a_wanted_velocity_within_the_limits_is_unchanged():
    wish = np.array([0.1, -0.2, 0.04])
    assert np.allclose(LIMITS.next_velocity(np.array([0.0, 0.0, 1.0]), np.zeros(3), wish), wish)


def test_a_wanted_velocity_beyond_the_limits_is_reduced_by_one_factor_for_all_joints():
    after = LIMITS.next_velocity(np.array([0.0, 0.0, 1.0]), np.zeros(3), np.array([4.0, 2.0, 0.1]))
    assert np.allclose(after / after[0], [1.0, 0.5, 0.025])


def test_joints_at_rest_need_no_braking():
    positions, _ = LIMITS.brake(np.zeros(3), np.zeros(3), np.zeros(3))
    assert positions.shape == (0, 3)


def test_the_smoothest_way_to_a_near_target_ends_there_at_rest():
    start, target = np.array([0.0, 0.1, 1.0]), np.array([0.01, 0.08, 1.005])
    positions, velocities = LIMITS.reach(start, np.array([0.02, 0.0, -0.01]), np.zeros(3), target, 10)
    assert np.array_equal(positions[-1], target)
    assert np.all(velocities[-1] == 0)
    assert LIMITS.reach(start, np.zeros(3), np.zeros(3), target + 5, 10) is None
