"""Measures: pure functions of features, one a file."""
