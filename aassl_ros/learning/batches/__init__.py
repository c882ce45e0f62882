"""Batches of pairs for training, from prepared data or from a replay buffer."""
