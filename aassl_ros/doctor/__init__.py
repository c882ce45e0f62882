"""What works on this machine, and what mends what does not: the checks behind `aassl doctor`."""
