"""Learning from pairs of frames and the action between them (torch). Knows nothing of ROS."""
