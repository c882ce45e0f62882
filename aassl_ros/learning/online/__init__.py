"""Online training from a replay buffer that fills while the robot works."""
