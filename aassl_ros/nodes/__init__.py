"""ROS 2 nodes. Each wraps one class of a lower layer with parameters, topics and services."""

from aassl_ros.nodes.start import guard_start
from aassl_ros.ros_environment import check_middleware

# Call both before the first import of rclpy: if its middleware is missing, that import ends the process.
guard_start()
check_middleware()
