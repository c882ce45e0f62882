"""Messages to arrays and back: nothing is lost, and an unreadable message is one of our errors."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError, TrajectoryError
from aassl_ros.ros import conversions


def picture(height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_frame_goes_into_a_message_and_comes_back_unchanged() -> None:
    header = Header(stamp=conversions.time_message(3_000_000_007), frame_id="camera")
    message = conversions.image_message(picture(), header)
    assert (message.height, message.width, message.step, message.encoding) == (6, 8, 24, "rgb8")
    assert message.header == header
    np.testing.assert_array_equal(messages.frame_from_message(message), picture())


def test_a_frame_that_is_a_slice_of_a_larger_one_is_sent_whole() -> None:
    part = picture(12, 16)[3:9, 4:12]
    np.testing.assert_array_equal(messages.frame_from_message(conversions.image_message(part, Header())), part)


def test_a_bgr_image_comes_out_as_rgb() -> None:
    message = conversions.image_message(picture(), Header())
    message.encoding = "bgr8"
    np.testing.assert_array_equal(messages.frame_from_message(message), picture()[..., ::-1])


def test_a_compressed_image_is_read() -> None:
    _, png = cv2.imencode(".png", picture()[..., ::-1])
    message = CompressedImage(format="png", data=array.array("B", png.tobytes()))
    np.testing.assert_array_equal(messages.frame_from_message(message), picture())


@pytest.mark.parametrize("change", [{"encoding": "32FC1"}, {"height": 600}, {"data": array.array("B", bytes(7))}])
def test_an_image_that_cannot_be_read_is_a_data_error(change: dict[str, object]) -> None:
    message = conversions.image_message(picture(), Header())
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(DataError):
        messages.frame_from_message(message)


@pytest.mark.parametrize("step", [0, 3, 1000])
def test_an_image_with_a_wrong_step_is_read_if_its_data_are_exactly_its_pixels(step: int) -> None:
    message = conversions.image_message(picture(), Header())
    message.step = step
    np.testing.assert_array_equal(messages.frame_from_message(message), picture())


def test_an_empty_image_is_a_data_error() -> None:
    with pytest.raises(DataError):
        messages.frame_from_message(Image())


def test_stamps_keep_every_nanosecond() -> None:
    assert messages.stamp_ns(conversions.time_message(1_700_000_000_123_456_789)) == 1_700_000_000_123_456_789


def test_a_joint_state_without_velocities_gives_empty_ones() -> None:
    names, positions, velocities, efforts = messages.joint_arrays(JointState(name=["a", "b"], position=[0.5, -1.0]))
    assert names == ("a", "b")
    assert positions.tolist() == [0.5, -1.0]
    assert (velocities.shape, efforts.shape) == ((0,), (0,))


def trajectory_message(*points: JointTrajectoryPoint) -> JointTrajectory:
    return JointTrajectory(
        header=Header(stamp=conversions.time_message(5_000_000_000)), joint_names=["a", "b"], points=list(points)
    )


def point(at_s: float, positions: list[float], velocities: list[float]) -> JointTrajectoryPoint:
    since = Duration(sec=int(at_s), nanosec=round(at_s % 1 * 1e9))
    return JointTrajectoryPoint(positions=positions, velocities=velocities, time_from_start=since)


def test_a_trajectory_keeps_stamp_times_positions_and_velocities() -> None:
    message = trajectory_message(point(0.0, [0.0, 1.0], [0.1, 0.1]), point(0.5, [1.0, 2.0], [0.0, 0.0]))
    trajectory = messages.trajectory_from_message(message)
    assert (trajectory.joint_names, trajectory.stamp_ns) == (("a", "b"), 5_000_000_000)
    assert trajectory.times_ns.tolist() == [0, 500_000_000]
    assert trajectory.positions.tolist() == [[0.0, 1.0], [1.0, 2.0]]
    assert trajectory.velocities is not None
    assert trajectory.velocities.tolist() == [[0.1, 0.1], [0.0, 0.0]]


def test_velocities_that_one_point_lacks_are_left_out() -> None:
    message = trajectory_message(point(0.0, [0.0, 1.0], [0.1, 0.1]), point(0.5, [1.0, 2.0], []))
    assert messages.trajectory_from_message(message).velocities is None


@pytest.mark.parametrize(
    "points",
    [
        [],
        [point(0.0, [0.0], [])],
        [point(0.0, [0.0, 1.0], []), point(0.5, [1.0], [])],
        [point(0.0, [0.0, float("nan")], [])],
        [point(0.0, [0.0, 1.0], [0.0])],
        [point(0.5, [0.0, 1.0], []), point(0.5, [0.0, 1.0], [])],
    ],
)
def test_a_trajectory_that_cannot_be_followed_is_a_trajectory_error(points: list[JointTrajectoryPoint]) -> None:
    with pytest.raises(TrajectoryError):
        messages.trajectory_from_message(trajectory_message(*points))


def test_a_pose_is_position_then_quaternion() -> None:
    message = PoseStamped()
    message.pose.position.x, message.pose.position.z = 1.0, 3.0
    message.pose.orientation.y, message.pose.orientation.w = 0.6, 0.8
    assert messages.pose_from_message(message).tolist() == [1.0, 0.0, 3.0, 0.0, 0.6, 0.0, 0.8]
