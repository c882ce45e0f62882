"""The objects that people taught: labelled pictures in a folder."""
