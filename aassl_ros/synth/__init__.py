"""`aassl synth`: single objects in free rotation, rendered directly to prepared data."""
