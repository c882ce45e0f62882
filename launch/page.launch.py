"""ros2 launch aassl_ros page.launch.py (--show-args). See aassl_ros/bringup/systems.py for nodes and arguments."""

from launch import LaunchDescription

from aassl_ros.bringup.launching import launch_description


def generate_launch_description() -> LaunchDescription:
    return launch_description("page")
