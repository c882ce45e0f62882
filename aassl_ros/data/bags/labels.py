"""Episodes that were labelled after the recording: `labels.json` beside a bag, which replaces the recorded episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aassl_ros.data.interfaces.json_files import LABELS
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.errors import BagError
from aassl_ros.files import write_whole

FILE_NAME = "labels.json"
_BYTES_PER_CHARACTER = 4


def labels_path(bag: Path) -> Path:
    """The file with the labels of a bag: FOLDER/labels.json, or FILE.labels.json beside a single file.

    bag: the folder, the file, or the first file of the recording.
    """
    return bag / FILE_NAME if bag.is_dir() else bag.with_name(f"{bag.name}.{FILE_NAME}")


def read_labels(bag: Path) -> tuple[Episode, ...] | None:
    """Read the labels of a bag.

    Args:
        bag: as for `labels_path`.

    Returns:
        The episodes in order of their start, also discarded ones, without a robot; None if the bag has no labels.

    Raises:
        BagError: the file cannot be read, or does not match its schema.
    """
    path = labels_path(bag)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _BYTES_PER_CHARACTER * LABELS.max_characters:
            raise BagError(f"{path} has {path.stat().st_size} bytes, expected the labels of one bag.")
        values = LABELS.decode(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BagError(f"{path} cannot be read: {error}.") from error
    except JsonMessageError as error:
        raise BagError(f"{path}: {error} Correct it, or remove it with: aassl bag label {bag} --remove") from error
    found = [_episode(one) for one in values["episodes"]]
    return tuple(sorted(found, key=lambda episode: episode.start_ns))


def write_labels(bag: Path, episodes: Sequence[Episode]) -> Path:
    """Write the labels of a bag atomically.

    Args:
        bag: as for `labels_path`.
        episodes: closed episodes that do not overlap, in any order.

    Returns:
        The path of the file.

    Raises:
        BagError: an episode is open, overlaps another or has a wrong value, or the file cannot be written.
    """
    path = labels_path(bag)
    found = [_values(episode) for episode in sorted(episodes, key=lambda episode: episode.start_ns)]
    try:
        write_whole(path, LABELS.encode({"episodes": found}) + "\n")
    except JsonMessageError as error:
        raise BagError(f"{bag}: {error}") from error
    except OSError as error:
        raise BagError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def remove_labels(bag: Path) -> bool:
    """Remove the labels of a bag, so that its recorded episodes are valid again. Returns whether there were any."""
    path = labels_path(bag)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BagError(f"{path} cannot be removed: {error.strerror}.") from error
    return True


def _episode(values: Mapping[str, Any]) -> Episode:
    return Episode(
        "",
        values["id"],
        values["instance"],
        values["category"] or None,
        values["set"],
        values["start"],
        values["stop"],
        values["discarded"],
    )


def _values(episode: Episode) -> dict[str, Any]:
    return {
        "id": episode.id,
        "start": episode.start_ns,
        "stop": episode.stop_ns,
        "instance": episode.instance,
        "category": episode.category or "",
        "set": episode.set,
        "discarded": episode.discarded,
    }
