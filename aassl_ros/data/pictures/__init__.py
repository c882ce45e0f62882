"""Folders of plain pictures, and what every source of pictures gives."""

from aassl_ros.data.pictures.pictures import Picture, PictureEpisode, PictureSource

__all__ = [
    "Picture",
    "PictureEpisode",
    "PictureSource",
]
