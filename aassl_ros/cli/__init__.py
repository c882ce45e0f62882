"""The `aassl` command: arguments to calls."""
