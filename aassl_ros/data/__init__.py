"""What was recorded: streams, synchronization, bags, episodes, prepared data, actions, pairs. Plain numpy, no ROS."""
