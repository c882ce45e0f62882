"""Define the nodes of each system and start them, for `ros2 launch` and for `aassl up`."""
