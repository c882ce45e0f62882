"""Message packages that ROS 2 wheels lack: vision_msgs, tf2_msgs, control_msgs, from definitions kept here."""
