"""How torch computes: device, precision, compilation, thread priority."""
