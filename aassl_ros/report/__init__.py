"""Pictures and the HTML report of a run. Reads arrays and JSON; knows nothing of ROS or torch."""
