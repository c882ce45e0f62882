"""Prepared data: frames, states and an episode table in one folder, memory-mapped."""

from aassl_ros.data.prepared.arrays import EpisodeRow
from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter

__all__ = [
    "EpisodeRow",
    "EpisodeStates",
    "PreparedData",
    "PreparedWriter",
    "validation_instances",
]
