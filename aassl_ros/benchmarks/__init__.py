"""Benchmarks that `aassl bench` runs: each measures its baseline in the same run."""
