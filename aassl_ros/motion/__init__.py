"""How arms move: rotations, trajectories, kinematics, limits, exploration, arming. numpy only, the lowest layer."""
