"""Losses: one a file, each a pure function of tensors."""
