"""Readers of published data sets, by name; another package can add one."""

from aassl_ros.data.readers.object_from_cameras import object_poses
from aassl_ros.data.readers.published import Files, PublishedSet, set_by_hash
from aassl_ros.data.readers.registry import LAYOUTS, Layout, layout_of, read_published, register_reader

__all__ = [
    "LAYOUTS",
    "Files",
    "Layout",
    "PublishedSet",
    "layout_of",
    "object_poses",
    "read_published",
    "register_reader",
    "set_by_hash",
]
