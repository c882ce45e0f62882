"""`aassl synth`: lone objects in free rotation, drawn straight to prepared data."""
