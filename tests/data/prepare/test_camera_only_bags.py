"""Bags of another recorder that hold a camera and no joint states: frames without joints, and a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_streams import MS, SECOND, SESSION, SIZE, Message, image, record, stream, without

from aassl_ros.data.bags.labels import write_labels
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.roles import NamedTopics, find_roles
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.errors import BagError

SETTINGS = PrepareSettings(image_size=SIZE)
CAMERA = "/camera/image_raw"


def write(path: Path, recorded: Sequence[Message], empty: str = "") -> Path:
    with BagWriter(path) as writer:
        if empty:
            writer.add_topic(empty, messages.JOINT_STATE)
        for message in recorded:
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns + MS, message.stamp_ns, message.data)
    return path


def frames(count: int = 60) -> list[Message]:
    return [image(SECOND + index * 33 * MS) for index in range(count)]


def episode(instance: str, second: int) -> Episode:
    """The frames of one second."""
    start_ns = (1 + second) * SECOND
    return Episode("", f"00000000-0000-4000-8000-{second:012d}", instance, "mug", "train", start_ns, start_ns + SECOND)


def test_a_labelled_bag_of_a_camera_alone_gives_every_frame_of_its_episodes(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", frames())
    write_labels(bag, [episode("red", 0), episode("blue", 1)])

    report = prepare([bag], tmp_path / "data", SETTINGS)

    data = PreparedData.open(tmp_path / "data")
    assert data.stamps_ns.tolist() == [message.stamp_ns for message in frames()]
    assert [row.instance for row in data.episodes] == ["red", "blue"]
    assert (data.joint_names, data.joint_position.shape[1]) == ((), 0)
    assert np.isnan(data.tip_pose).all()
    assert (report.without_sample, report.lossy) == ({}, False)
    assert any("no joint states: the frames have no joints" in note for note in report.notes)


def test_episode_events_and_poses_are_taken_as_in_other_bags(tmp_path: Path) -> None:
    whole = stream()
    with_joints = write(tmp_path / "whole", whole)
    alone = write(tmp_path / "alone", without(without(whole, "/joint_states"), "/command"))
    for bag in (with_joints, alone):
        prepare([bag], bag.with_suffix(".data"), SETTINGS)

    first, second = (PreparedData.open(bag.with_suffix(".data")) for bag in (with_joints, alone))

    common = np.isin(second.stamps_ns, first.stamps_ns)
    assert common.mean() > 0.9
    np.testing.assert_array_equal(second.frames[common], first.frames[:])
    np.testing.assert_array_equal(second.object_pose[common], first.object_pose)
    assert [row.instance for row in second.episodes] == [row.instance for row in first.episodes]


def test_an_empty_topic_of_joint_states_is_none(tmp_path: Path) -> None:
    kept = without(without(stream(), "/joint_states"), "/command")

    prepare([write(tmp_path / "bag", kept, empty="/joint_states")], tmp_path / "data", SETTINGS)

    assert PreparedData.open(tmp_path / "data").joint_names == ()


def test_joint_states_that_were_lost_or_named_are_still_an_error(tmp_path: Path) -> None:
    kept = without(stream(), "/joint_states")
    with pytest.raises(BagError, match="holds no joint states"):
        prepare([record(tmp_path / "ours", kept, SESSION)], tmp_path / "data", SETTINGS)

    bag = write(tmp_path / "theirs", kept)
    with pytest.raises(BagError, match="holds no topic /arm"):
        prepare([bag], tmp_path / "data", replace(SETTINGS, joint_states=("/arm",)))
    with BagReader(bag) as reader, pytest.raises(BagError, match="holds no joint states"):
        find_roles(reader, NamedTopics())


def test_joined_with_a_bag_of_a_robot_the_joints_are_unknown(tmp_path: Path) -> None:
    alone = write(tmp_path / "alone", without(without(stream(first_episode=7), "/joint_states"), "/command"))

    prepare([write(tmp_path / "robot", stream()), alone], tmp_path / "data", SETTINGS)

    data = PreparedData.open(tmp_path / "data")
    known = np.isfinite(data.joint_position[:, 0])
    assert data.joint_names == ("a",)
    assert 0 < known.sum() < len(known)
