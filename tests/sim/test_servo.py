"""The setpoint stays within every limit for any command, and equals a command that stays within them."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.sim.servo import Setpoint

_STEP_S = 1 / 300
_LIMITS = np.array([[-1.0, 1.0]])
_FASTEST = np.array([2.0])
_HARDEST = np.array([8.0])


@pytest.fixture
def setpoint() -> Setpoint:
    return Setpoint(np.zeros(1), _LIMITS, _FASTEST, _HARDEST)


def test_a_smooth_command_is_followed_exactly(setpoint: Setpoint) -> None:
    for step in range(1, 600):
        time_s = step * _STEP_S
        position = np.array([0.2 * (1 - np.cos(3 * time_s))])
        setpoint.advance(position, np.array([0.6 * np.sin(3 * time_s)]), _STEP_S)
        assert setpoint.position == pytest.approx(position, abs=2e-4)


def test_after_a_jump_it_arrives_within_limits_and_without_overshoot(setpoint: Setpoint) -> None:
    positions, velocities = _run(setpoint, target=0.9, steps=600)

    assert positions[-1] == pytest.approx(0.9, abs=1e-6)
    assert positions.max() <= 0.9 + 1e-3
    assert np.abs(velocities).max() <= 2.0
    assert np.abs(np.diff(velocities)).max() <= 8.0 * _STEP_S + 1e-9


def test_a_command_beyond_a_position_limit_stops_at_the_limit(setpoint: Setpoint) -> None:
    positions, _ = _run(setpoint, target=5.0, steps=900)

    assert positions.max() <= 1.0
    assert positions[-1] == pytest.approx(1.0, abs=1e-3)


def test_a_joint_without_a_command_stays(setpoint: Setpoint) -> None:
    for _ in range(50):
        setpoint.advance(np.array([np.nan]), np.array([np.nan]), _STEP_S)

    assert setpoint.position == pytest.approx(0.0, abs=1e-12)


def _run(setpoint: Setpoint, target: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    positions, velocities = [], [0.0]
    for _ in range(steps):
        setpoint.advance(np.array([target]), np.zeros(1), _STEP_S)
        positions.append(setpoint.position[0])
        velocities.append(setpoint.velocity[0])
    return np.array(positions), np.array(velocities)
