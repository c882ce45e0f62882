"""Augmentation of image batches on the training device, drawn for each image on its own."""

from aassl_ros.learning.augmentation.augmentation import PIXEL_STATISTICS, Augmentation, AugmentationSettings

__all__ = [
    "PIXEL_STATISTICS",
    "Augmentation",
    "AugmentationSettings",
]
