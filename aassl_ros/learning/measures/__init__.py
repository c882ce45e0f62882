"""Measures of frozen features: pure functions of tensors, one a file."""
