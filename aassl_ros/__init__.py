"""Learn to see by handling objects: AA-SSL data collection and online learning for ROS 2."""

__version__ = "0.2.0"
