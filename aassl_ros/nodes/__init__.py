"""ROS 2 nodes: parameters, topics and services round one class of a layer below each."""

from aassl_ros.nodes.start import guard_start
from aassl_ros.ros_environment import check_middleware

# Both before anything imports rclpy: if its middleware is missing, that import ends the process.
guard_start()
check_middleware()
