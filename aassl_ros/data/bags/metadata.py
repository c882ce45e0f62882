"""Reads metadata.yaml of a rosbag2 recording, with checks of all types and sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.stored import normal_type, printable
from aassl_ros.data.interfaces import bounded_yaml

FILE_NAME = "metadata.yaml"
_ROOT = "rosbag2_bagfile_information"
_NEWEST_VERSION = 9


@dataclass(frozen=True)
class Metadata:
    """The part of metadata.yaml that readers need.

    files: names of the files in the bag's folder, in order. counts: topic -> type and number of messages.
    """

    storage: str
    files: tuple[str, ...]
    start_ns: int = 0
    duration_ns: int = 0
    counts: dict[str, tuple[str, int]] = field(default_factory=dict)
    custom_data: dict[str, str] = field(default_factory=dict)


def read_metadata(path: Path) -> Metadata:
    """Read a metadata.yaml. Raises DamagedError if it is wrong."""
    size = path.stat().st_size
    if size > 4 * bounded_yaml.MAX_CHARACTERS:
        raise DamagedError(path, f"it has {size} bytes, expected at most {bounded_yaml.MAX_CHARACTERS}")
    return parse_metadata(path.read_bytes().decode(errors="replace"), path)


def parse_metadata(text: str, source: Path) -> Metadata:
    """Read metadata from text, also from the copy in a storage file, which lacks the outermost key."""
    try:
        found = bounded_yaml.parse(text)
        if isinstance(found, dict) and _ROOT in found:
            found = found[_ROOT]
        return _metadata(_mapping(found, _ROOT))
    except ValueError as error:
        raise DamagedError(source, str(error)) from error


def _metadata(found: dict[str, Any]) -> Metadata:
    version = _whole(found, "version")
    if version > _NEWEST_VERSION:
        raise ValueError(f"it is of version {version}, at most {_NEWEST_VERSION} is known here")
    key = "relative_file_paths"
    files = [_text(item, key) for item in _list(found.get(key), key)]
    # Some recorders also write the folder's name, some an absolute path.
    names = [PurePosixPath(name.replace("\\", "/")).name for name in files]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{key} names {twice[0][:200]!r} more than once")
    starting, duration = found.get("starting_time"), found.get("duration")
    return Metadata(
        storage=_text(found.get("storage_identifier"), "storage_identifier"),
        files=tuple(names),
        start_ns=_whole(_mapping(starting, "starting_time"), "nanoseconds_since_epoch"),
        duration_ns=_whole(_mapping(duration, "duration"), "nanoseconds"),
        counts=_counts(found.get("topics_with_message_count")),
        custom_data=_custom_data(found.get("custom_data")),
    )


def _counts(found: Any) -> dict[str, tuple[str, int]]:
    counts: dict[str, tuple[str, int]] = {}
    for item in _list(found, "topics_with_message_count"):
        entry = _mapping(item, "topics_with_message_count")
        about = _mapping(entry.get("topic_metadata"), "topic_metadata")
        name, kind = _text(about.get("name"), "name"), _text(about.get("type"), "type")
        name, kind = printable(name), printable(normal_type(kind))
        before = counts.get(name, (kind, 0))[1]
        counts[name] = kind, before + _whole(entry, "message_count")
    return counts


def _custom_data(found: Any) -> dict[str, str]:
    """The custom texts. Other values are ignored: rosbag2 allows only texts."""
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_kind(value)}, expected a map")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is {_kind(value)}, expected a list")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_kind(value)}, expected a text")
    return value


def _whole(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, str) or not value.lstrip("+-").isdecimal() or len(value) > 20:
        raise ValueError(f"{name} is {_kind(value)}, expected an integer")
    return int(value)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:60])
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "missing"
