"""JSON messages in std_msgs/String: their schemas (catalogue.py), how they are read and written, and their classes."""
