"""Message packages that ROS 2 wheels lack (vision_msgs, tf2_msgs), generated from the definitions kept here.

`python -m aassl_ros.messages` generates, compiles and installs them into the Python that runs it; a second call does
nothing. Where a ROS installation is sourced they come from there: ros-DISTRO-vision-msgs,
ros-DISTRO-tf2-msgs.
"""
