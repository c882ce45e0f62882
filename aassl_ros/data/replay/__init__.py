"""The replay buffer of online training."""
