"""How arms move: rotations, trajectories in force, kinematics, limits, exploration. Plain numpy; imports nothing above it."""
