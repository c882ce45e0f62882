"""Converts bags and picture folders to prepared data."""
