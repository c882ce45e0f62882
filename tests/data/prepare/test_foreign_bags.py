"""Bags of other recorders: no session, other names and several topics of one type. Nothing becomes unknown silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_streams import MS, SECOND, SIZE, Message, command, joint_state, stream, without

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.prepare.prepare import PrepareReport, PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

FLOATS = "std_msgs/msg/Float64MultiArray"


def write(path: Path, recorded: Sequence[Message], empty: dict[str, str] | None = None) -> Path:
    """A bag of another recorder. empty: topic -> type of topics without messages."""
    with BagWriter(path) as writer:
        for topic, kind in (empty or {}).items():
            writer.add_topic(topic, kind)
        for message in sorted(recorded, key=lambda message: message.stamp_ns):
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
    return path


def prepared(bag: Path, **settings: Any) -> tuple[PreparedData, PrepareReport]:
    out = bag.with_name(f"{bag.name}-data")
    report = prepare([bag], out, PrepareSettings(image_size=SIZE, **settings), force=True)
    return PreparedData.open(out), report


def moved(message: Message, topic: str) -> Message:
    return message._replace(topic=topic)


def finger(message: Message, topic: str) -> Message:
    """The same message for the joint of a gripper."""
    decoded = messages.decode(message.type, message.data)
    names = {"joint_names": ["finger"]} if message.type == messages.JOINT_TRAJECTORY else {"name": ["finger"]}
    return message._replace(topic=topic, data=messages.encode(replace(decoded, **names), message.type))


def floats(topic: str, stamp_ns: int) -> Message:
    types = messages.typestore().types
    layout = types["std_msgs/msg/MultiArrayLayout"](dim=[], data_offset=0)
    return Message(topic, FLOATS, stamp_ns, messages.encode(types[FLOATS](layout=layout, data=np.zeros(2)), FLOATS))


def test_commands_of_arm_and_gripper_are_taken_from_both_topics(tmp_path: Path) -> None:
    recorded = [*stream(1.0), *(finger(command(SECOND + k * 100 * MS, 0.5), "/gripper/command") for k in range(10))]
    data, report = prepared(write(tmp_path / "bag", recorded))
    assert set(data.command_names) == {"a", "finger"}
    np.testing.assert_allclose(data.joint_command[:, data.command_names.index("finger")], 0.5)
    assert np.isfinite(data.joint_command[:, data.command_names.index("a")]).any()
    assert any("commands are taken from" in note for note in report.notes)


def test_several_commands_can_be_named(tmp_path: Path) -> None:
    recorded = [*stream(1.0), *(finger(command(SECOND + k * 100 * MS, 0.5), "/gripper/command") for k in range(10))]
    bag = write(tmp_path / "bag", recorded)
    assert set(prepared(bag, command=("/command", "/gripper/command"))[0].command_names) == {"a", "finger"}
    assert prepared(bag, command=("/command",))[0].command_names == ("a",)


def test_two_topics_that_command_one_joint_are_refused_unless_one_is_named(tmp_path: Path) -> None:
    other = [moved(command(SECOND + k * 100 * MS, 0.5), "/right/command") for k in range(10)]
    bag = write(tmp_path / "bag", [*stream(1.0), *other])
    with pytest.raises(BagError, match=r"commands of joint a on (/command and /right|/right/command and /).*--command"):
        prepared(bag)
    assert prepared(bag, command=("/right/command",))[0].command_names == ("a",)


def test_a_grippers_own_joint_states_are_merged_with_the_arms(tmp_path: Path) -> None:
    fingers = [finger(joint_state(SECOND + k * 10 * MS), "/gripper/joint_states") for k in range(100)]
    data, report = prepared(write(tmp_path / "bag", [*stream(1.0), *fingers]))
    assert set(data.joint_names) == {"a", "finger"}
    np.testing.assert_allclose(data.joint_position[:, 0], data.joint_position[:, 1], atol=1e-6)
    assert any("joint states are merged from" in note for note in report.notes)


def test_joint_states_of_all_joints_are_taken_alone(tmp_path: Path) -> None:
    recorded = stream(1.0)
    arm = [moved(message, "/arm/joint_states") for message in recorded if message.topic == "/joint_states"]
    both = [joint_state(SECOND + k * 10 * MS, ("a", "finger")) for k in range(100)]
    data, report = prepared(write(tmp_path / "bag", [*without(recorded, "/joint_states"), *arm, *both]))
    assert data.joint_names == ("a", "finger")
    assert any("joint states are those of /joint_states" in note for note in report.notes)


def test_one_joint_on_two_topics_is_refused_unless_one_is_named(tmp_path: Path) -> None:
    other = [moved(joint_state(SECOND + k * 10 * MS, ("a", "b")), "/right/joint_states") for k in range(100)]
    third = [moved(joint_state(SECOND + k * 10 * MS, ("a", "c")), "/left/joint_states") for k in range(100)]
    bag = write(tmp_path / "bag", [*without(stream(1.0), "/joint_states"), *other, *third])
    with pytest.raises(BagError, match=r"holds joint a on .*--joint-states"):
        prepared(bag)
    assert prepared(bag, joint_states=("/left/joint_states",))[0].joint_names == ("a", "c")


def test_an_empty_topic_of_commands_is_noted(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", without(stream(1.0), "/command"), {"/command": messages.JOINT_TRAJECTORY})
    _, report = prepared(bag)
    assert any("no commands of arm: /command is empty. If an action drives the arm" in note for note in report.notes)


def test_a_robot_description_of_another_type_is_passed_over(tmp_path: Path) -> None:
    recorded = [*without(stream(1.0), "/robot_description"), floats("/robot_description", SECOND)]
    data, report = prepared(write(tmp_path / "bag", recorded))
    assert len(data)
    assert any("no tip pose" in note for note in report.notes)
