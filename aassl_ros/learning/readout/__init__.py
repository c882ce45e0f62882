"""What is trained on frozen features: probes and classifiers, and the split of the data for them."""
