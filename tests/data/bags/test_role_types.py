"""A topic of another type than its role has is told in one line, whoever names it: the user, the session, or nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.roles import NamedTopics, find_roles
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError

FOREIGN = "/foreign"


@pytest.fixture
def bag(tmp_path: Path, streams: Any, session: Session) -> Path:
    """A sound recording with one topic more, of integers."""
    recording = Recording(tmp_path / "bag", session)
    kind = "std_msgs/msg/Int32MultiArray"
    types = messages.typestore().types
    layout = types["std_msgs/msg/MultiArrayLayout"](dim=[], data_offset=0)
    integers = types[kind](layout=layout, data=np.zeros(2, np.int32))
    recording.add_topic(FOREIGN, kind)
    recording.receive(FOREIGN, 1, 1, messages.encode(integers, kind))
    for message in streams.stream(1.0):
        recording.add_topic(message.topic, message.type)
        recording.receive(message.topic, message.stamp_ns, message.stamp_ns, message.data)
    recording.close()
    return recording.path


def named(option: str, topic: str) -> Any:
    """Several topics of joint states and commands may be named."""
    return (topic,) if option in ("joint_states", "command") else topic


@pytest.mark.parametrize("option", ["camera", "joint_states", "command", "episode", "object_pose"])
def test_a_topic_that_the_user_names_must_be_of_its_roles_type(bag: Path, option: str) -> None:
    with BagReader(bag) as reader, pytest.raises(BagError) as caught:
        find_roles(reader, NamedTopics(**{option: named(option, FOREIGN)}))
    said = str(caught.value)
    assert f"has {FOREIGN} of type std_msgs/msg/Int32MultiArray as {option.replace('_', '-')}, expected " in said
    assert f"Name another with --{option.replace('_', '-')}." in said


@pytest.mark.parametrize("option", ["camera", "joint_states", "command", "episode", "object_pose"])
def test_a_topic_that_the_user_names_must_be_there(bag: Path, option: str) -> None:
    with BagReader(bag) as reader, pytest.raises(BagError, match=r"holds no topic /typo \(found: .*/command 2"):
        find_roles(reader, NamedTopics(**{option: named(option, "/typo")}))


@pytest.mark.parametrize("role", ["joint_states", "episode", "object_pose"])
def test_a_topic_that_the_session_names_must_be_of_its_roles_type(
    bag: Path, session: Session, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    odd = replace(session, roles=replace(session.roles, **{role: FOREIGN}))
    monkeypatch.setattr(BagReader, "session", odd)
    with BagReader(bag) as reader, pytest.raises(BagError, match=r"as .*, expected "):
        find_roles(reader, NamedTopics())
    assert all("\n" not in finding for finding in check_bag(bag))


def test_a_topic_of_two_types_is_of_neither(tmp_path: Path) -> None:
    from mcap.writer import Writer

    with (tmp_path / "bag.mcap").open("wb") as stream:
        writer = Writer(stream)
        writer.start("ros2")
        for kind in (messages.STRING, messages.JOINT_STATE):
            schema = writer.register_schema(kind, "ros2msg", messages.definition(kind)[0].encode())
            channel = writer.register_channel("/both", "cdr", schema, {})
            data = messages.encode_string("x") if kind == messages.STRING else messages.encode_joint_state(1, [], [])
            writer.add_message(channel, 1, data, 1)
        writer.finish()
    with BagReader(tmp_path / "bag.mcap") as reader:
        assert reader.topics["/both"] == (f"{messages.STRING} and {messages.JOINT_STATE}", 2)
        assert {message.type for message in reader.messages()} == {messages.STRING, messages.JOINT_STATE}
