"""Writes metadata.yaml of our bags: version 8, with QoS profiles as one string."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rosbags.interfaces import Qos

from aassl_ros.files import write_whole

FILE_NAME = "metadata.yaml"
VERSION = 8
LIBRARY = "aassl_ros"
# In C if PyYAML has that, which is ten times as fast.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
ROOT = "rosbag2_bagfile_information"


@dataclass
class WrittenTopic:
    """A topic in the bag. count: number of messages so far."""

    name: str
    type: str
    hash: str
    qos: str
    definition: bytes = b""
    definition_encoding: str = "ros2msg"
    encoding: str = "cdr"
    count: int = 0


@dataclass
class Extent:
    """The number of messages, and the times of the first and last one, ns."""

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def add(self, log_ns: int) -> None:
        """Add one message."""
        if log_ns < self.first_ns or not self.count:
            self.first_ns = log_ns
        if log_ns > self.last_ns:
            self.last_ns = log_ns
        self.count += 1


def information(
    storage: str, file_name: str, topics: Sequence[WrittenTopic], extent: Extent, custom_data: dict[str, str]
) -> dict[str, Any]:
    """The content of metadata.yaml under its outermost key."""

    def when() -> dict[str, Any]:
        # A new dictionary for each use, because YAML would write a repeated one as a reference.
        return {
            "duration": {"nanoseconds": max(0, extent.last_ns - extent.first_ns)},
            "starting_time": {"nanoseconds_since_epoch": extent.first_ns},
            "message_count": extent.count,
        }

    return {
        "version": VERSION,
        "storage_identifier": storage,
        **when(),
        "topics_with_message_count": [_topic(topic) for topic in topics],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [file_name],
        "files": [{"path": file_name, **when()}],
        "custom_data": custom_data or None,
        "ros_distro": os.environ.get("ROS_DISTRO", LIBRARY),
    }


def as_text(content: dict[str, Any]) -> str:
    """The content as YAML text, as in the copy inside the storage file."""
    return str(yaml.dump(content, Dumper=_DUMPER, sort_keys=False))


def write_file(folder: Path, content: dict[str, Any]) -> None:
    """Write metadata.yaml atomically."""
    write_whole(folder / FILE_NAME, as_text({ROOT: content}))


def qos_text(profiles: Sequence[Qos]) -> str:
    """QoS profiles in the format of metadata up to version 8: one string of YAML, with policies as numbers."""
    values = [
        {
            "history": profile.history.value,
            "depth": profile.depth,
            "reliability": profile.reliability.value,
            "durability": profile.durability.value,
            "deadline": {"sec": profile.deadline.sec, "nsec": profile.deadline.nsec},
            "lifespan": {"sec": profile.lifespan.sec, "nsec": profile.lifespan.nsec},
            "liveliness": profile.liveliness.value,
            "liveliness_lease_duration": {
                "sec": profile.liveliness_lease_duration.sec,
                "nsec": profile.liveliness_lease_duration.nsec,
            },
            "avoid_ros_namespace_conventions": profile.avoid_ros_namespace_conventions,
        }
        for profile in profiles
    ]
    return yaml.safe_dump(values, sort_keys=False).strip() if values else ""


def _topic(topic: WrittenTopic) -> dict[str, Any]:
    return {
        "topic_metadata": {
            "name": topic.name,
            "type": topic.type,
            "serialization_format": topic.encoding,
            "offered_qos_profiles": topic.qos,
            "type_description_hash": topic.hash,
        },
        "message_count": topic.count,
    }
