"""Training: the update step, and the loop over prepared data."""
