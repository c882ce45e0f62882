"""Messages become frames of episodes with joints, commands and poses, each frame once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from small_streams import SECOND, URDF

from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.stream_consumer import ANOTHER_SIZE, StreamConsumer, StreamFrame
from aassl_ros.errors import DataError

MS = SECOND // 1000
SIZE = 4


def event(kind: str, stamp_ns: int, number: int = 0) -> str:
    facts = {"instance": f"mug_{number:04d}"} if kind == "start" else {}
    return json.dumps({"id": f"00000000-0000-4000-8000-{number:012d}", "event": kind, "stamp": stamp_ns, **facts})


def image(side: int = 8) -> np.ndarray:
    return np.zeros((side, side, 3), np.uint8)


def run(consumer: StreamConsumer, begin_ns: int, frames: int, *, side: int = 8) -> Iterator[StreamFrame]:
    """Joint states each 10 ms, a frame each 30 ms, from begin_ns on."""
    for place in range(3 * frames):
        stamp_ns = begin_ns + place * 10 * MS
        consumer.add_joint_state(stamp_ns, ("a",), [stamp_ns / SECOND])
        if place % 3 == 0:
            consumer.add_image(stamp_ns + MS, image(side))
        yield from consumer.frames()


def test_a_sample_stays_as_it_was_made_and_holds_no_picture() -> None:
    samples: list[Sample] = []
    consumer = StreamConsumer(SIZE, on_sample=samples.append)
    consumer.add_episode(event("start", SECOND))
    found = [*run(consumer, SECOND, 10), *consumer.flush()]
    assert [frame.sample for frame in found] == samples
    assert all(sample.frame is None for sample in samples)
    with pytest.raises(FrozenInstanceError):
        samples[0].frame = image()  # type: ignore[misc]


def test_frames_outside_of_episodes_are_never_decoded() -> None:
    consumer = StreamConsumer(SIZE)

    def decode() -> np.ndarray:
        raise AssertionError("decoded")

    for place in range(10):
        consumer.add_joint_state(place * 10 * MS, ("a",), [0.0])
        consumer.add_undecoded(place * 10 * MS + MS, decode)
    assert list(consumer.flush()) == []
    assert (consumer.counts.frames, consumer.counts.outside_episodes) == (10, 9)


def test_a_frame_that_cannot_be_read_is_counted_with_the_reason() -> None:
    consumer = StreamConsumer(SIZE)

    def decode() -> np.ndarray:
        raise DataError("smells")

    consumer.add_episode(event("start", 0))
    consumer.add_joint_state(0, ("a",), [0.0])
    consumer.add_undecoded(MS, decode)
    consumer.add_joint_state(2 * MS, ("a",), [0.0])
    assert list(consumer.flush()) == []
    assert consumer.counts.unusable == {"smells": 1}


def test_the_first_frame_of_an_episode_sets_the_size() -> None:
    consumer = StreamConsumer(SIZE)
    before = list(run(consumer, SECOND, 10, side=6))  # of no episode: of no account
    consumer.add_episode(event("start", 2 * SECOND))
    found = list(run(consumer, 2 * SECOND, 10)) + list(run(consumer, 3 * SECOND, 10, side=12))
    found += [*run(consumer, 4 * SECOND, 10), *consumer.flush()]
    assert before == []
    assert {frame.sample.stamp_ns // SECOND for frame in found} == {2, 4}
    assert consumer.counts.unusable == {ANOTHER_SIZE: 10}


def test_a_pose_waits_for_its_frame_and_one_that_comes_later_is_handed_on() -> None:
    late: list[int] = []
    consumer = StreamConsumer(SIZE, on_late_pose=lambda stamp_ns, pose: late.append(stamp_ns))
    consumer.add_episode(event("start", SECOND))
    pose = np.array([0, 0, 1, 0, 0, 0, 1.0])
    consumer.add_object_pose(SECOND + MS, pose)
    found = [*run(consumer, SECOND, 10), *consumer.flush()]
    consumer.add_object_pose(SECOND + 31 * MS, pose)
    np.testing.assert_array_equal(found[0].object_pose, pose)
    assert np.isnan(found[1].object_pose).all()
    assert late == [SECOND + 31 * MS]


@pytest.mark.parametrize("pose", [np.full(7, np.nan), np.array([0, 0, 1, 0, 0, 0, 0.0])], ids=["nan", "no rotation"])
def test_a_pose_that_is_none_is_refused(pose: np.ndarray) -> None:
    with pytest.raises(DataError, match="not finite"):
        StreamConsumer(SIZE).add_object_pose(1, pose)


def test_poses_without_frames_do_not_pile_up() -> None:
    consumer = StreamConsumer(SIZE)
    for stamp_ns in range(1, 30_000):
        consumer.add_object_pose(stamp_ns, np.array([0, 0, 1, 0, 0, 0, 1.0]))
    assert len(consumer._poses) <= 10_000


def test_an_event_just_before_the_clock_is_known_to_be_set_back_has_the_new_time() -> None:
    consumer = StreamConsumer(SIZE)
    consumer.add_episode(event("start", 5 * SECOND, 1))
    found = list(run(consumer, 5 * SECOND, 20))
    consumer.add_episode(event("start", SECOND, 2))  # before the first message of the simulator started again
    found += [*run(consumer, SECOND, 20), *consumer.flush()]
    reported = {frame.episode.instance: frame.sample.stamp_ns // SECOND for frame in found}
    assert reported == {"mug_0001": 5, "mug_0002": 1}
    assert consumer.sync_counts.restarts == 1


def test_continuous_joints_are_known_without_the_names_of_the_links() -> None:
    robot = RobotKinematics.from_urdf(URDF, "", "")
    assert robot.continuous_joints == ("a",)
    assert robot.chain is None
    assert "names of base and tip link" in robot.problem
    assert np.isnan(robot.tip_poses(("a",), np.zeros((2, 1)))).all()


@pytest.mark.parametrize(("urdf", "problem"), [("<robot", "not XML"), (URDF.replace("tip", "top"), "no link 'tip'")])
def test_a_description_that_does_not_fit_says_why(urdf: str, problem: str) -> None:
    assert problem in RobotKinematics.from_urdf(urdf, "base", "tip").problem
