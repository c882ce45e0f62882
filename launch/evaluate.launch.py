"""ros2 launch aassl_ros evaluate.launch.py: see aassl_ros/system.py for its nodes and arguments, or add --show-args."""

from launch import LaunchDescription

from aassl_ros.launching import launch_description


def generate_launch_description() -> LaunchDescription:
    return launch_description("evaluate")
