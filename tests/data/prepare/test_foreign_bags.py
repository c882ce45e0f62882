"""Bags of other recorders: no session, other names and several topics of one type. Nothing becomes unknown silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_streams import MS, SECOND, SIZE, Message, command, joint_state, object_pose, record, stream, without

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.prepare.prepare import PrepareReport, PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import CONTROLLER_STATE
from aassl_ros.data.streams.robot_kinematics import match_joints
from aassl_ros.errors import BagError, DataError

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


def shifted(message: Message, stamp_ns: int) -> Message:
    """The same message with another stamp in its header, received as before."""
    decoded = messages.decode(message.type, message.data)
    stamp = replace(decoded.header.stamp, sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    changed = replace(decoded, header=replace(decoded.header, stamp=stamp))
    return message._replace(data=messages.encode(changed, message.type))


def with_positions(message: Message, names: Sequence[str], positions: Sequence[float]) -> Message:
    return message._replace(data=messages.encode_joint_state(message.stamp_ns, names, positions))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda message: with_positions(message, ("a",), (np.nan,)), "joint states dropped: not finite"),
        (lambda message: shifted(message, 0), "joint states dropped: no stamp"),
        (lambda message: with_positions(message, ("a",), ()), "joint states dropped: no positions"),
        (lambda message: with_positions(message, ("a", "b"), (1.0,)), "joint states dropped: wrong length"),
    ],
)
def test_why_no_frame_has_a_joint_state_is_said(tmp_path: Path, change: Any, reason: str) -> None:
    recorded = [change(one) if one.topic == "/joint_states" else one for one in stream(1.0)]
    with pytest.raises(DataError, match=reason):
        prepared(write(tmp_path / "bag", recorded))


def test_joints_that_are_finite_are_kept_beside_one_that_is_not(tmp_path: Path) -> None:
    recorded = [
        with_positions(one, ("wheel", "a"), (np.nan, one.stamp_ns / SECOND)) if one.topic == "/joint_states" else one
        for one in stream(1.0)
    ]
    data, report = prepared(write(tmp_path / "bag", recorded))
    assert data.joint_names == ("a",)
    np.testing.assert_allclose(data.joint_position[:, 0], data.stamps_ns / SECOND, atol=1e-6)
    assert any("of 100 joint states some joints not finite, the others kept" in note for note in report.notes)


@pytest.mark.parametrize("period_ms", [120, 200])
def test_slow_joint_states_name_the_bracket_that_helps(tmp_path: Path, period_ms: int) -> None:
    slow = [joint_state(stamp) for stamp in range(SECOND - 301 * MS, 2 * SECOND + 300 * MS, period_ms * MS)]
    bag = write(tmp_path / "bag", [*without(stream(1.0), "/joint_states"), *slow])
    bracket_s = period_ms / 1000
    with pytest.raises(DataError, match=rf"--max-bracket-s {bracket_s:g} "):
        prepared(bag)
    data, _ = prepared(bag, max_bracket_s=bracket_s)
    assert len(data) > 20
    np.testing.assert_allclose(data.joint_position[:, 0], data.stamps_ns / SECOND, atol=1e-6)


def test_clocks_that_differ_name_the_offset_that_helps(tmp_path: Path) -> None:
    recorded = [
        shifted(one, one.stamp_ns + 50 * SECOND) if one.topic == "/joint_states" else one for one in stream(1.0)
    ]
    bag = write(tmp_path / "bag", recorded)
    with pytest.raises(DataError, match=r"--joint-stamp-offset-s -50.000 "):
        prepared(bag)
    assert len(prepared(bag, joint_stamp_offset_s=-50.0)[0]) > 20


def test_commands_without_a_stamp_are_mapped_to_the_clock_of_the_stamps(tmp_path: Path) -> None:
    """Stamps are simulated, receipts are of the wall clock."""
    recorded = [shifted(one, 0) if one.topic == "/command" else one for one in stream(2.0)]
    wall_ns = 1_700_000_000 * SECOND
    bag = write(tmp_path / "bag", [one._replace(stamp_ns=one.stamp_ns + wall_ns) for one in recorded])
    plain = prepared(write(tmp_path / "plain", stream(2.0)))[0]

    data, report = prepared(bag)

    np.testing.assert_array_equal(np.isfinite(data.joint_command), np.isfinite(plain.joint_command))
    assert np.isfinite(data.joint_command).any()
    assert any("commands have no stamp" in note for note in report.notes)


@pytest.mark.parametrize("period_ms", [10, 50])
def test_states_of_two_publishers_are_told_and_one_can_be_taken(tmp_path: Path, period_ms: int) -> None:
    zeros = [
        with_positions(joint_state(stamp), ("a",), (0.0,))
        for stamp in range(SECOND + 3 * MS, 2 * SECOND, period_ms * MS)
    ]
    bag = write(tmp_path / "bag", [*stream(1.0), *zeros])

    _, report = prepared(bag)
    assert report.lossy
    (note,) = [note for note in report.notes if "several publishers are mixed" in note]
    assert "1 began with a = 1 (" in note
    assert "2 with a = 0 (" in note

    data, report = prepared(bag, joint_publisher=1)
    np.testing.assert_allclose(data.joint_position[:, 0], data.stamps_ns / SECOND, atol=1e-6)
    assert not report.lossy
    assert np.abs(prepared(bag, joint_publisher=2, max_bracket_s=0.1)[0].joint_position).max() == 0


def test_a_recorder_tells_of_two_publishers_while_it_records(tmp_path: Path) -> None:
    zeros = [with_positions(joint_state(SECOND + k * 10 * MS + 3 * MS), ("a",), (0.0,)) for k in range(90)]
    recorded = sorted([*stream(1.0), *zeros], key=lambda message: message.stamp_ns)
    with BagReader(record(tmp_path / "bag", recorded)) as reader:
        assert reader.ledger is not None
        (warning,) = reader.ledger.warnings
    assert warning.startswith("joint states of several publishers are mixed: a changed ")


def test_poses_on_a_topic_of_another_name_are_pointed_out(tmp_path: Path) -> None:
    _, report = prepared(write(tmp_path / "bag", stream(1.0)))
    assert any("name its topic with --object-pose (/object_pose)" in note for note in report.notes)


def posed(stamp_ns: int, frame: str = "") -> Message:
    """The pose of `small_streams`, whose x is its stamp in s, turning about z by 1 rad/s."""
    message = object_pose(stamp_ns)
    decoded = messages.decode(message.type, message.data)
    half = stamp_ns / SECOND / 2
    turn = replace(decoded.pose.orientation, z=float(np.sin(half)), w=float(np.cos(half)))
    header = replace(decoded.header, frame_id=frame)
    changed = replace(decoded, header=header, pose=replace(decoded.pose, orientation=turn))
    return message._replace(data=messages.encode(changed, message.type))


def test_a_pose_is_interpolated_at_the_stamp_of_the_frame(tmp_path: Path) -> None:
    poses = [posed(stamp) for stamp in range(SECOND - 3 * MS, 2 * SECOND, 50 * MS)]
    bag = write(tmp_path / "bag", [*without(stream(1.0), "/object_pose"), *poses])
    data, report = prepared(bag, object_pose="/object_pose")

    seconds = data.stamps_ns / SECOND
    np.testing.assert_allclose(data.object_pose[:, 0], seconds, atol=1e-6)
    expected = np.stack([np.sin(seconds / 2), np.cos(seconds / 2)], axis=1)
    np.testing.assert_allclose(data.object_pose[:, 5:], expected, atol=1e-6)
    assert any("the object's pose of " in note and "is interpolated" in note for note in report.notes)


def test_a_pose_is_not_interpolated_over_a_long_gap(tmp_path: Path) -> None:
    poses = [posed(stamp) for stamp in (SECOND, SECOND + 500 * MS, SECOND + 550 * MS)]
    bag = write(tmp_path / "bag", [*without(stream(1.0), "/object_pose"), *poses])
    data, report = prepared(bag, object_pose="/object_pose")

    near = (data.stamps_ns >= SECOND + 500 * MS) & (data.stamps_ns <= SECOND + 550 * MS)
    np.testing.assert_array_equal(np.isfinite(data.object_pose).all(axis=1), near)
    assert any(f"no object pose of {(~near).sum()} of {len(near)} frames" in note for note in report.notes)


def optical_images() -> list[Message]:
    """The stream without poses; its images are in the frame camera_optical."""
    found = []
    for one in stream(1.0):
        if one.topic == "/camera/image_raw":
            decoded = messages.decode(one.type, one.data)
            changed = replace(decoded, header=replace(decoded.header, frame_id="camera_optical"))
            one = one._replace(data=messages.encode(changed, one.type))
        if one.topic != "/object_pose":
            found.append(one)
    return found


def test_a_pose_in_another_frame_than_the_images_is_refused_with_both_names(tmp_path: Path) -> None:
    images = optical_images()
    poses = [posed(SECOND + 20 * MS + k * 33 * MS, "world") for k in range(20)]
    data, report = prepared(write(tmp_path / "bag", [*images, *poses]), object_pose="/object_pose")

    assert np.isnan(data.object_pose).all()
    assert report.lossy
    assert any("object pose is in frame 'world', but the images are in 'camera_optical'" in one for one in report.notes)
    same = [posed(SECOND + 20 * MS + k * 33 * MS, "/camera_optical") for k in range(20)]
    known = prepared(write(tmp_path / "same", [*images, *same]), object_pose="/object_pose")[0].object_pose
    assert np.isfinite(known).any()


def renamed(name: str) -> list[Message]:
    return [
        with_positions(one, (name,), (one.stamp_ns / SECOND,)) if one.topic == "/joint_states" else one
        for one in stream(1.0)
    ]


def test_joints_with_a_prefix_that_the_robot_description_lacks_are_matched(tmp_path: Path) -> None:
    links = {"base_link": "base", "tip_link": "tip"}
    plain = prepared(write(tmp_path / "plain", stream(1.0)), **links)[0]
    data, report = prepared(write(tmp_path / "bag", renamed("left_a")), **links)
    assert np.isfinite(data.tip_pose).all()
    np.testing.assert_array_equal(data.tip_pose, plain.tip_pose)
    assert "left_a" in data.continuous_joints
    assert not any("no tip pose" in note for note in report.notes)


def test_joints_that_the_robot_description_lacks_are_named_with_its_own(tmp_path: Path) -> None:
    data, report = prepared(write(tmp_path / "bag", renamed("elbow")), base_link="base", tip_link="tip")
    assert np.isnan(data.tip_pose).all()
    assert any("the robot description has joints a; the joint states have elbow" in note for note in report.notes)


@pytest.mark.parametrize(
    ("described", "recorded", "expected"),
    [
        (["j1", "j2"], ["j2", "j1"], ["j1", "j2"]),
        (["j1", "j2"], ["left_j2", "left_j1", "finger"], ["left_j1", "left_j2"]),
        (["arm/j1"], ["j1"], ["j1"]),
        (["j1"], ["left_j1", "right_j1"], None),
        (["j1", "j2"], ["left_j1", "right_j2"], None),
        (["j1"], ["adj1"], None),
        (["j1", "j2"], ["j1"], None),
    ],
)
def test_recorded_joints_are_matched_by_a_unique_ending(
    described: list[str], recorded: list[str], expected: list[str] | None
) -> None:
    assert match_joints(described, recorded) == expected


def uncommanded() -> list[Message]:
    return [message for message in stream(1.0) if message.type != messages.JOINT_TRAJECTORY]


def leader(topic: str, stamp_ns: int, value: float) -> Message:
    return Message(topic, messages.JOINT_STATE, stamp_ns, messages.encode_joint_state(stamp_ns, ["a"], [value]))


def controller_state(stamp_ns: int, value: float) -> Message:
    messages.definition(CONTROLLER_STATE)
    types = messages.typestore().types
    head = messages.decode(messages.JOINT_STATE, messages.encode_joint_state(stamp_ns, ["a"], [value])).header
    none = types["builtin_interfaces/msg/Duration"](sec=0, nanosec=0)
    empty = np.zeros(0)

    def point(positions: Any) -> Any:
        kind = types["trajectory_msgs/msg/JointTrajectoryPoint"]
        return kind(positions, empty, empty, empty, time_from_start=none)

    multi = types["trajectory_msgs/msg/MultiDOFJointTrajectoryPoint"]([], [], [], time_from_start=none)
    points = [point(np.array([value])), point(np.array([9.0])), point(empty), point(empty)]
    state = types[CONTROLLER_STATE](head, ["a"], *points, [], multi, multi, multi, multi, 1.0)
    return Message("/controller_state", CONTROLLER_STATE, stamp_ns, messages.encode(state, CONTROLLER_STATE))


def test_without_trajectories_the_reference_of_the_controller_is_the_command(tmp_path: Path) -> None:
    states = [controller_state(SECOND + k * 20 * MS, k * 0.02) for k in range(60)]
    recorded = [*uncommanded(), *states]
    data, _ = prepared(write(tmp_path / "bag", recorded))
    assert data.command_names == ("a",)
    expected = (data.stamps_ns - SECOND) / SECOND  # on a line between the messages
    np.testing.assert_allclose(data.joint_command[:, 0], expected, atol=1e-6)


def test_a_leader_arms_joint_states_are_the_command_if_they_are_named(tmp_path: Path) -> None:
    states = [leader("/leader/joint_states", SECOND + k * 50 * MS, k * 0.05) for k in range(30)]
    recorded = [*uncommanded(), *states]
    bag = write(tmp_path / "bag", recorded)
    data, _ = prepared(bag, command=("arm:/leader/joint_states",), joint_states=("/joint_states",))
    held = (data.stamps_ns - SECOND) // (50 * MS) * 0.05  # the last one before the frame
    np.testing.assert_allclose(data.joint_command[:, 0], held, atol=1e-6)


def test_forward_commands_get_the_joints_that_are_named(tmp_path: Path) -> None:
    arrays = [floats("/forward/commands", SECOND + k * 100 * MS) for k in range(10)]
    bag = write(tmp_path / "bag", [*uncommanded(), *arrays])
    named = {"command": ("arm:/forward/commands",)}
    with pytest.raises(BagError, match="--command-joints arm:JOINT,arm:JOINT"):
        prepared(bag, **named)
    data, _ = prepared(bag, **named, command_joints=("arm:x", "arm:y"))
    assert data.command_names == ("x", "y")
    received = data.stamps_ns >= SECOND + MS
    np.testing.assert_array_equal(data.joint_command[received], 0.0)


def transform(topic: str, stamp_ns: int, parent: str, child: str, pose: Sequence[float]) -> Message:
    types = messages.typestore().types
    kind = "tf2_msgs/msg/TFMessage"
    header = messages.decode(messages.JOINT_STATE, messages.encode_joint_state(stamp_ns, ["a"], [0.0])).header
    x, y, z, *turn = pose
    made = types["geometry_msgs/msg/TransformStamped"](
        header=replace(header, frame_id=parent),
        child_frame_id=child,
        transform=types["geometry_msgs/msg/Transform"](
            translation=types["geometry_msgs/msg/Vector3"](x=x, y=y, z=z),
            rotation=types["geometry_msgs/msg/Quaternion"](**dict(zip("xyzw", turn, strict=True))),
        ),
    )
    return Message(topic, kind, stamp_ns, messages.encode(types[kind](transforms=[made]), kind))


def test_a_pose_in_another_frame_is_brought_over_by_the_transforms_of_the_bag(tmp_path: Path) -> None:
    quarter = 0.5**0.5
    transforms = [
        transform("/tf_static", SECOND, "hand", "camera_optical", [0.0, 0.0, 0.5, 0.0, 0.0, quarter, quarter]),
        # The hand moves by 1 m/s along x.
        *(transform("/tf", SECOND + k * 50 * MS, "world", "hand", [k * 0.05, 2, 0, 0, 0, 0, 1]) for k in range(25)),
    ]
    poses = [posed(SECOND + 20 * MS + k * 33 * MS, "world") for k in range(20)]
    bag = write(tmp_path / "bag", [*optical_images(), *transforms, *poses])
    data, report = prepared(bag, object_pose="/object_pose")
    known = np.isfinite(data.object_pose).all(axis=1)
    assert known.sum() > 10
    assert any("were brought to the frame of the images" in note for note in report.notes)
    # The object at (x, y, z) in the world is at (x - t, y - 2, z) in the hand, whose camera is turned by 90 degrees.
    plain, _ = prepared(write(tmp_path / "plain", [*stream_with(poses)]), object_pose="/object_pose")
    since_s = (data.stamps_ns - SECOND) / SECOND
    x, y, z = plain.object_pose[:, :3].T
    expected = np.stack([y - 2, -(x - since_s), z - 0.5], axis=1)
    np.testing.assert_allclose(data.object_pose[known, :3], expected[known], atol=1e-5)


def stream_with(poses: Sequence[Message]) -> list[Message]:
    """The stream with other poses, whose frame is taken for that of the images."""
    return [*(one for one in stream(1.0) if one.topic != "/object_pose"), *poses]
