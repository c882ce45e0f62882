"""Real rclpy over DDS between processes (tests/support/ros_fixtures.py)."""

from __future__ import annotations

from ros_fixtures import following_arm, ros, ros_domain, start_example, start_node

__all__ = ["following_arm", "ros", "ros_domain", "start_example", "start_node"]
