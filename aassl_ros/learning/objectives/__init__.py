"""Terms of the loss: one objective a file, with the heads it owns; methods.py puts them together."""
