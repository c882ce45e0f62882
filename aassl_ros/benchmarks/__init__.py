"""Benchmarks that `aassl bench` runs: each compares with a baseline timed in the same run."""
