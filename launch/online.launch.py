"""ros2 launch aassl_ros online.launch.py (--show-args): aassl_ros/bringup/systems.py has its nodes and arguments."""

from launch import LaunchDescription

from aassl_ros.bringup.launching import launch_description


def generate_launch_description() -> LaunchDescription:
    return launch_description("online")
