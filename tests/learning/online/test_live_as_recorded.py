"""Live training and `aassl prepare` learn from the same frames: one stream is fed to both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from live_replay import assert_live_as_recorded
from small_streams import (
    MS,
    SECOND,
    SESSION,
    SIZE,
    URDF,
    Message,
    command,
    episode_event,
    image,
    joint_state,
    record,
    stream,
    text,
    without,
)

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.stream_consumer import ANOTHER_SIZE


def ordered(recorded: Sequence[Message]) -> list[Message]:
    return sorted(recorded, key=lambda message: message.stamp_ns)


def of_another_size(recorded: Sequence[Message], stretch: range) -> list[Message]:
    return [
        image(one.stamp_ns, width=4 * SIZE) if one.topic == "/camera/image_raw" and one.stamp_ns in stretch else one
        for one in recorded
    ]


def damaged(recorded: Sequence[Message]) -> list[Message]:
    odd = [
        image(SECOND + 41 * MS, encoding="smell8"),
        Message("/joint_states", messages.JOINT_STATE, SECOND + 55 * MS, b"rubbish"),
        joint_state(SECOND + 56 * MS, ("a", "a")),
        text("/episode", SECOND + 60 * MS, "{}"),
        episode_event(7, "stop", SECOND + 70 * MS),
    ]
    hole = range(SECOND + 300 * MS, SECOND + 500 * MS)
    kept = [one for one in recorded if one.topic != "/joint_states" or one.stamp_ns not in hole]
    return ordered([*kept, *odd])


STREAMS = {
    "whole": stream(4.0),
    "robot description late": ordered(
        [*without(stream(4.0), "/robot_description"), text("/robot_description", 4 * SECOND, URDF)]
    ),
    "no robot description": without(stream(4.0), "/robot_description"),
    "another size for a while": of_another_size(stream(4.0), range(SECOND + 400 * MS, 2 * SECOND)),
    "another size for good": of_another_size(stream(4.0), range(SECOND + 400 * MS, 99 * SECOND)),
    "first of another size": of_another_size(stream(4.0), range(SECOND, SECOND + 30 * MS)),
    "damaged": damaged(stream(4.0)),
    "poses late": [*without(stream(4.0), "/object_pose"), *(one for one in stream(4.0) if one.topic == "/object_pose")],
    "a joint more": ordered(
        [*stream(4.0), *(joint_state(stamp, ("b",)) for stamp in range(SECOND, SECOND * 4, 7 * MS))]
    ),
    "a command late": ordered([*stream(4.0), command(SECOND + 333 * MS, 9.0)._replace(stamp_ns=SECOND + 600 * MS)]),
    "one discarded": [*stream(4.0), episode_event(2, "discard", 6 * SECOND)],
}


@pytest.mark.parametrize("name", STREAMS)
def test_one_stream_gives_live_and_recorded_the_same_frames(name: str, tmp_path: Path) -> None:
    assert_live_as_recorded(record(tmp_path / "bag", STREAMS[name]), tmp_path / "data", SIZE)


def test_frames_of_another_size_than_the_first_are_left_out_and_counted_live_too(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag", STREAMS["another size for a while"])
    filler, _, report = assert_live_as_recorded(bag, tmp_path / "data", SIZE)
    assert report.unusable[ANOTHER_SIZE] > 10
    assert filler.counts.bad[ANOTHER_SIZE] == filler.report()[f"bad: {ANOTHER_SIZE}"] == report.unusable[ANOTHER_SIZE]


def test_a_joint_wraps_even_if_the_robot_description_arrives_after_the_first_frames(tmp_path: Path) -> None:
    """At its stamp in seconds, the joint of `stream` would turn from 1 rad to 5: by more than half a turn."""
    bag = record(tmp_path / "bag", STREAMS["robot description late"])
    filler, _, _ = assert_live_as_recorded(bag, tmp_path / "data", SIZE)
    buffer = filler.buffer
    assert buffer is not None
    assert buffer.continuous_joints == ("a",)
    assert np.isfinite(buffer.tip_pose[: len(buffer)]).all()
    buffer.joint_position[:2, 0] = (-3.1, 3.1)
    step = ActionSpace("joints").displacement(buffer, np.array([0]), np.array([1]))
    assert step[0, 0] == pytest.approx(6.2 - 2 * np.pi, abs=1e-5)


def test_a_pose_that_comes_long_after_its_frame_is_used(tmp_path: Path) -> None:
    filler, _, _ = assert_live_as_recorded(record(tmp_path / "bag", STREAMS["poses late"]), tmp_path / "data", SIZE)
    assert filler.buffer is not None
    assert np.isfinite(filler.buffer.object_pose[: len(filler.buffer)]).all()


def record_with_clock_set_back(path: Path, first: Sequence[Message], second: Sequence[Message]) -> Path:
    """A bag of another recorder, which continues in the same bag: times of receipt increase, stamps begin again."""
    with BagWriter(path) as writer:
        writer.set_custom_data("recorder/session", SESSION.to_json())
        for begin_ns, recorded in ((0, first), (4 * SECOND, second)):
            for message in recorded:
                writer.add_topic(message.topic, message.type)
                writer.write(message.topic, begin_ns + message.stamp_ns, message.stamp_ns, message.data)
    return path


def test_after_the_clock_was_set_back_frames_belong_to_the_episodes_announced_since(tmp_path: Path) -> None:
    bag = record_with_clock_set_back(tmp_path / "bag", stream(3.0), stream(2.0, first_episode=4))

    filler, data, report = assert_live_as_recorded(bag, tmp_path / "data", SIZE)

    assert [row.instance for row in data.episodes] == [f"mug_{number:04d}" for number in (0, 1, 2, 4, 5)]
    assert filler.report()["clock_restarts"] == 1
    assert any("clock was set back" in note for note in report.notes)


def test_after_the_clock_was_set_back_frames_belong_to_no_earlier_episode(tmp_path: Path) -> None:
    bag = record_with_clock_set_back(tmp_path / "bag", stream(3.0), without(stream(2.0), "/episode"))

    _, data, report = assert_live_as_recorded(bag, tmp_path / "data", SIZE)

    assert len(data.episodes) == 3
    assert report.outside_episodes >= 55
