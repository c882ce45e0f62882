"""Optimizers, the learning rate over a run, and averages of weights."""
