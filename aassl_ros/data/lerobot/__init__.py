"""LeRobot datasets v3.0 from bags and back, and video files with stamps. Needs the extra `lerobot` (av and pyarrow)."""
