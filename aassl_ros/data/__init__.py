"""Recorded data: streams, bags, prepared data and pairs of frames. Needs neither ROS nor torch."""

from aassl_ros.data.bags import BagReader
from aassl_ros.data.pairs import ActionSpace, Normalisation, PairSampler, Window
from aassl_ros.data.prepared import PreparedData, PreparedWriter

__all__ = [
    "ActionSpace",
    "BagReader",
    "Normalisation",
    "PairSampler",
    "PreparedData",
    "PreparedWriter",
    "Window",
]
