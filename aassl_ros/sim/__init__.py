"""The simulated world: PyBullet scene, arm follower, procedural objects, camera. Knows nothing of ROS."""
