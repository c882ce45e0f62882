"""What every test needs: ROS 2 from wheels or a sourced installation, ready before the first import of rclpy."""

from __future__ import annotations

from aassl_ros.ros_environment import prepare_environment

prepare_environment()
