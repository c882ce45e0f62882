"""Plots and the HTML report of a run, from arrays and JSON. Does not depend on ROS or torch."""
