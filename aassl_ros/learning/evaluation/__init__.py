"""Evaluation of an encoder on objects that were never trained on."""
