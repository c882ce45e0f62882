"""Generate the message packages that have no ROS 2 wheels (vision_msgs, tf2_msgs, control_msgs) from definitions here.

`python -m aassl_ros.messages` generates, compiles and installs them into the Python that runs it. A second call does
nothing. If a ROS installation is sourced, its packages are used instead: ros-DISTRO-vision-msgs and so on.
"""
