"""Which nodes make up a system, and how they are started: for `ros2 launch` and for `aassl up`."""
