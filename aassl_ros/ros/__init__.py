"""Code shared by the nodes: lifecycle, parameters, QoS, diagnostics, conversions, subscriptions."""

from aassl_ros.ros_environment import check_middleware

# Before the first import of rclpy, which aborts the process if the middleware is missing.
check_middleware()
