"""Real rclpy over DDS between processes (tests/support/ros_fixtures.py)."""

from __future__ import annotations

from ros_fixtures import ros, ros_domain

__all__ = ["ros", "ros_domain"]
