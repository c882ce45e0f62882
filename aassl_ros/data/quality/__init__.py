"""Measures how good a bag is: streams, pictures, joints, labels, and what the recorder lost."""
