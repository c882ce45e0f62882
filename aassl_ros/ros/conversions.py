"""Make ROS messages from arrays. data/streams/messages.py reads messages, both of rclpy and of bags."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.streams.messages import NANOSECONDS
from aassl_ros.motion.trajectory import Trajectory


def time_message(time_ns: int) -> Time:
    """Convert integer nanoseconds to a Time message."""
    return Time(sec=time_ns // NANOSECONDS, nanosec=time_ns % NANOSECONDS)


def image_message(frame: NDArray[np.uint8], header: Header, *, encoding: str = "rgb8") -> Image:
    """Make an Image of a frame, uint8 [H, W, 3] with the channels of `encoding`: rgb8 or bgr8."""
    height, width = frame.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding, step=3 * width)
    # rclpy copies an ndarray element by element (40 ms for 640x480), but uses an array.array without a copy.
    message.data = array.array("B", np.ascontiguousarray(frame).tobytes())
    return message


def trajectory_message(trajectory: Trajectory) -> JointTrajectory:
    """Convert a trajectory with velocities to a message."""
    message = JointTrajectory(joint_names=list(trajectory.joint_names))
    message.header.stamp = time_message(trajectory.stamp_ns)
    assert trajectory.velocities is not None
    for time_ns, position, velocity in zip(
        trajectory.times_ns.tolist(), trajectory.positions.tolist(), trajectory.velocities.tolist(), strict=True
    ):
        since = Duration(sec=time_ns // NANOSECONDS, nanosec=time_ns % NANOSECONDS)
        message.points.append(JointTrajectoryPoint(positions=position, velocities=velocity, time_from_start=since))
    return message
