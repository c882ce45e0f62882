"""Folders of plain pictures with a table."""
