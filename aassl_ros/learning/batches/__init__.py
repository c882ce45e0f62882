"""Batches of pairs for training, from prepared data or from a replay buffer."""

from aassl_ros.learning.batches.flips import Flips, mirror_images
from aassl_ros.learning.batches.labels import Labels
from aassl_ros.learning.batches.live_batches import LiveBatches
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.batches.settings import PairSettings

__all__ = [
    "Batch",
    "Flips",
    "Labels",
    "LiveBatches",
    "PairBatches",
    "PairSettings",
    "mirror_images",
]
