"""Probes and classifiers that are trained on frozen features, and the split of the data for them."""
