"""Encoders by architecture, each with the names that its published weights have."""
