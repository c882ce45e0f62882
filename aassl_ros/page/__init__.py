"""The web page without ROS: who may see it, what it shows, and the server. nodes/page.py connects it to the robot."""
