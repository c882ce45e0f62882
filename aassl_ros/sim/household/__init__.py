"""Household objects with typical materials and prints, drawn with clutter, gripper, several lamps and a worn camera."""
