"""Studies: many paired runs under one protocol, to one table. Start reading at study.py."""
