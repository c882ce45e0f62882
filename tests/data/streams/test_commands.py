"""Commands of every accepted type: what is the command at a stamp."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import (
    CONTROLLER_STATE,
    FLOAT64_MULTI_ARRAY,
    ActiveCommands,
    Setpoint,
    command_from_message,
)
from aassl_ros.errors import DataError, TrajectoryError
from aassl_ros.motion.trajectory import Trajectory

MS = 1_000_000


def header(stamp_ns: int) -> Any:
    return SimpleNamespace(stamp=SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9))


def setpoint(stamp_ms: int, value: float, name: str = "a", *, interpolated: bool = False) -> Setpoint:
    return Setpoint((name,), stamp_ms * MS, np.array([value]), interpolated)


@pytest.mark.parametrize("field", ["reference", "desired"])
def test_the_reference_of_a_controller_state_is_the_command(field: str) -> None:
    point = SimpleNamespace(positions=[1.0, 2.0])
    message = SimpleNamespace(header=header(7 * MS), joint_names=["a", "b"], **{field: point})
    command = command_from_message(CONTROLLER_STATE, message)
    assert isinstance(command, Setpoint)
    assert (command.joint_names, command.stamp_ns, command.positions.tolist()) == (("a", "b"), 7 * MS, [1.0, 2.0])
    assert command.interpolated


def test_an_array_has_the_joints_of_its_group_in_order_and_no_stamp() -> None:
    command = command_from_message(FLOAT64_MULTI_ARRAY, SimpleNamespace(data=[0.1, 0.2]), ("x", "y"))
    assert (command.joint_names, command.stamp_ns) == (("x", "y"), 0)
    for joints in ((), ("x",)):
        with pytest.raises(TrajectoryError, match="has 2 positions"):
            command_from_message(FLOAT64_MULTI_ARRAY, SimpleNamespace(data=[0.1, 0.2]), joints)


@pytest.mark.parametrize(("names", "positions"), [([], []), (["a"], []), (["a"], [np.nan]), (["a", "a"], [1.0, 2.0])])
def test_a_leaders_state_that_commands_nothing_clear_is_refused(names: list[str], positions: list[float]) -> None:
    message = SimpleNamespace(header=header(1), name=names, position=positions)
    with pytest.raises(TrajectoryError):
        command_from_message(messages.JOINT_STATE, message)


def test_a_type_that_is_no_command_is_refused() -> None:
    with pytest.raises(DataError, match="expected one of"):
        command_from_message(messages.STRING, SimpleNamespace(data="x"))


def test_a_setpoint_stays_until_the_next_but_a_reference_moves_on_a_line() -> None:
    held, moving = ActiveCommands(100 * MS), ActiveCommands(100 * MS)
    for stamp_ms, value in ((10, 1.0), (30, 3.0), (500, 7.0)):
        held.add(setpoint(stamp_ms, value), 0)
        moving.add(setpoint(stamp_ms, value, interpolated=True), 0)
    assert np.isnan(held.at(9 * MS)).all()
    assert [held.at(ms * MS)[0] for ms in (10, 20, 30, 600)] == [1.0, 1.0, 3.0, 7.0]
    # Over the gap of 470 ms the reference is not known: the last one counts.
    assert [moving.at(ms * MS)[0] for ms in (10, 20, 30, 400, 600)] == [1.0, 2.0, 3.0, 3.0, 7.0]


def test_groups_with_commands_of_different_types_are_independent() -> None:
    commands = ActiveCommands(100 * MS)
    commands.add(setpoint(10, 0.5, "finger"), 0)
    commands.add(Trajectory(("a",), 20 * MS, np.zeros(1, np.int64), np.array([[2.0]])), 0)
    assert commands.joint_names == ("finger", "a")
    np.testing.assert_array_equal(commands.at(15 * MS), [0.5, np.nan])
    np.testing.assert_array_equal(commands.at(25 * MS), [0.5, 2.0])
    commands.clear()
    assert np.isnan(commands.at(25 * MS)).all()
    assert commands.joint_names == ("finger", "a")


def test_one_joint_has_one_kind_of_command_and_stamps_that_rise() -> None:
    commands = ActiveCommands(100 * MS)
    commands.add(setpoint(10, 0.5), 0)
    for wrong in (
        Trajectory(("a",), 20 * MS, np.zeros(1, np.int64), np.array([[2.0]])),
        setpoint(20, 1.0, interpolated=True),
    ):
        with pytest.raises(TrajectoryError, match="two kinds of messages command a"):
            commands.add(wrong, 0)
    with pytest.raises(TrajectoryError, match="not newer"):
        commands.add(setpoint(10, 0.6), 0)
    assert commands.at(25 * MS)[0] == 0.5


def test_forgetting_keeps_the_command_at_the_oldest_stamp() -> None:
    commands = ActiveCommands(100 * MS)
    for ms in range(1, 3000):
        commands.add(setpoint(ms, float(ms)), 0)
    commands.forget_before(2500 * MS)
    assert commands.at(2500 * MS)[0] == 2500.0
    assert np.isnan(commands.at(1000 * MS)[0])
