"""ROS 2 nodes: parameters, topics and services round one class of a layer below each."""
