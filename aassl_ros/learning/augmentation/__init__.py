"""Augmentation of image batches, on the training device, independently for each image."""

from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS, Augmentation, AugmentationSettings

__all__ = [
    "PIXEL_STATISTICS",
    "Augmentation",
    "AugmentationSettings",
]
