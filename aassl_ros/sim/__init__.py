"""The simulated world: PyBullet scene, arm, procedural objects, camera. Does not depend on ROS."""
