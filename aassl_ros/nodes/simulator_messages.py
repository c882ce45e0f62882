"""Make the ROS messages of the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped, TransformStamped
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, JointState
from std_msgs.msg import Header

from aassl_ros.ros.conversions import time_message
from aassl_ros.sim.robot_body import JointReading


def header(stamp_ns: int, frame_id: str = "") -> Header:
    """Make a header with this stamp."""
    return Header(stamp=time_message(stamp_ns), frame_id=frame_id)


def joint_state_message(stamp_ns: int, joints: JointReading) -> JointState:
    """Make a joint state with position, velocity and effort."""
    return JointState(
        header=header(stamp_ns),
        name=list(joints.names),
        position=joints.position.tolist(),
        velocity=joints.velocity.tolist(),
        effort=joints.effort.tolist(),
    )


def pose_message(stamp_ns: int, frame_id: str, pose: NDArray[np.float64]) -> PoseStamped:
    """Make a pose message. pose: float64 [7], position in m and quaternion x, y, z, w in the frame `frame_id`."""
    message = PoseStamped(header=header(stamp_ns, frame_id), pose=Pose())
    _set(message.pose.position, message.pose.orientation, pose)
    return message


def camera_info_message(head: Header, matrix: NDArray[np.float64], size: int) -> CameraInfo:
    """Make the camera info of a square pinhole camera without distortion. matrix: [3, 3], in pixels."""
    message = CameraInfo(header=head, height=size, width=size, distortion_model="plumb_bob")
    message.d = [0.0] * 5
    message.k = matrix.reshape(-1)
    message.r = np.eye(3).reshape(-1)
    message.p = np.column_stack([matrix, np.zeros(3)]).reshape(-1)
    return message


def transform_message(stamp_ns: int, parent: str, child: str, pose: NDArray[np.float64]) -> TransformStamped:
    """Make a transform. pose: float64 [7], pose of the child frame in the parent frame."""
    message = TransformStamped(header=header(stamp_ns, parent), child_frame_id=child)
    _set(message.transform.translation, message.transform.rotation, pose)
    return message


def _set(place: Any, turn: Any, pose: NDArray[np.float64]) -> None:
    place.x, place.y, place.z = pose[:3].tolist()
    turn.x, turn.y, turn.z, turn.w = pose[3:].tolist()
