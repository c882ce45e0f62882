"""How arms move: rotations, trajectories in force, kinematics, limits, exploration. Plain numpy, the lowest layer."""
