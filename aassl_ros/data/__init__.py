"""What was recorded: streams, bags, prepared data and pairs of frames. Plain numpy: no ROS, no torch."""

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
