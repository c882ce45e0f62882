"""Finds the bags and picture folders in the sources of `aassl prepare`, and computes their fingerprints."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aassl_ros.data.bags.containers import is_storage_file
from aassl_ros.data.bags.labels import labels_path
from aassl_ros.data.bags.metadata import FILE_NAME as _METADATA
from aassl_ros.data.bags.recovery import recovered_copy
from aassl_ros.data.lerobot.video_bag import one_bag_only, video_files
from aassl_ros.data.pictures.folder import TABLE, PictureFolder, set_of_names
from aassl_ros.data.pictures.pictures import PictureSource
from aassl_ros.data.pictures.pictures import fingerprint as picture_fingerprint
from aassl_ros.data.prepare.remote import Bag, RemoteBag, digest_ends, find_remote_bags, is_url, remote_fingerprint
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepare.source_errors import nothing_found
from aassl_ros.data.readers.name_angles import angle_pattern, with_angles
from aassl_ros.data.readers.registry import FOLDERS, layout_of, read_published
from aassl_ros.errors import DataError

B = TypeVar("B", Path, Bag)
_NO_SPLIT = (
    f"no column split: everything is for training. To evaluate, give some objects split = test in {TABLE}, or make "
    "folders train and test"
)


@dataclass(frozen=True)
class Sources:
    """All bags and picture folders to prepare, each once, in order. notes: lines about bags that were left out."""

    bags: tuple[Bag, ...]
    pictures: tuple[PictureSource, ...]
    notes: tuple[str, ...] = ()


def find_sources(sources: Sequence[Path | str], settings: PrepareSettings) -> Sources:
    """Find the bags, picture folders and published data sets among `sources` and directly inside them.

    What is none of these may be photographs in folders. In a folder of bags, a bag is left out if its recovered copy is
    beside it.

    Args:
        sources: paths, and URLs of bags.
        settings: of prepare.

    Returns:
        What was found.

    Raises:
        DataError: a source contains none of these, the table of a picture folder is wrong, or an object is in two sets.
        ConfigError: `angle_from_name` is not a regular expression with one group.
    """
    notes: list[str] = []
    bags: list[Bag] = []
    folders: dict[Path, str] = {}
    published: list[PictureSource] = []
    angle = angle_pattern(settings.angle_from_name) if settings.angle_from_name else None
    for place in sources:
        if isinstance(place, str) and is_url(place):
            bags += find_remote_bags(place)
            continue
        source = Path(place)
        if not source.exists():
            raise DataError(f"{source} does not exist. Give bags, folders of pictures, or a folder that contains them.")
        layout = settings.layout or _published_layout(source)
        places = [source] if _is_bag(source) or _is_folder(source) else _children(source)
        found = [path for path in places if _is_bag(path)], [path for path in places if _is_folder(path)]
        if not layout and not any(found) and (layout := layout_of(source)) is None:
            raise DataError(nothing_found(source))
        if layout:
            published.append(_read_layout(source, layout, angle))
            continue
        copies = {bag: copy for bag in found[0] if source != bag and (copy := recovered_copy(bag, found[0]))}
        notes += [f"{bag}: skipped, because it was recovered as {copy}" for bag, copy in copies.items()]
        bags += [bag for bag in found[0] if bag not in copies]
        folders |= {path: set_of_names(path, source) for path in found[1]}
    plain = [PictureFolder.read(path, settings.continuous_joints, folders[path]) for path in _each_once([*folders])]
    if plain and not (bags or published or any(folder.has_split for folder in plain)):
        notes.append(_NO_SPLIT)
    pictures = (*plain, *published)
    _check_splits(pictures)
    if angle and not published:
        raise DataError(
            f"angle_from_name = {angle.pattern!r}, but no source has the layout {FOLDERS}. Omit it, or give the angles "
            f"as the column action.angle_deg of {TABLE}."
        )
    for name in settings.continuous_joints:
        if not any(name in source.continuous_joints for source in pictures):
            raise DataError(f"continuous_joints names {name!r}, but no picture folder has a column joint.{name}.")
    one_bag_only(len(_each_once(bags)), settings.video)
    return Sources(tuple(_each_once(bags)), pictures, tuple(notes))


def fingerprints(sources: Sources, settings: PrepareSettings) -> dict[Bag, str]:
    """The fingerprint of each source, in order, which depends on its content and not on its path.

    Raises DataError if two sources are the same.
    """
    digests: dict[str, Bag] = {}
    found: list[tuple[Bag, str]] = [(bag, _bag_fingerprint(bag, settings.video)) for bag in sources.bags]
    found += [(source.path, picture_fingerprint(source, settings.workers)) for source in sources.pictures]
    for path, digest in found:
        same = digests.setdefault(digest, path)
        if same is not path:
            raise DataError(f"{same} and {path} hold the same recording. Remove one of them.")
    return {path: digest for digest, path in digests.items()}


def _children(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _published_layout(source: Path) -> str | None:
    """The published layout of a folder, if it is neither a bag nor a picture folder."""
    return None if _is_bag(source) or _is_folder(source) else layout_of(source, last=False)


def _read_layout(source: Path, layout: str, angle: re.Pattern[str] | None) -> PictureSource:
    read = read_published(source, layout)
    if angle is None:
        return read
    if layout != FOLDERS:
        raise DataError(f"angle_from_name needs the layout {FOLDERS}, but {source} has {layout}. Omit it.")
    return with_angles(read, angle)


def _is_bag(path: Path) -> bool:
    """Whether a path is a bag, also one that was not closed. The error on reading it says how to recover it."""
    if path.is_dir():
        return any(file.name == _METADATA or is_storage_file(file) for file in path.iterdir())
    return is_storage_file(path)


def _is_folder(path: Path) -> bool:
    return (path / TABLE).is_file()


def _each_once(places: Sequence[B]) -> list[B]:
    return list({place.resolve() if isinstance(place, Path) else place: place for place in places}.values())


def _check_splits(sources: Sequence[PictureSource]) -> None:
    """Raise DataError if an object is for training in one source and for testing in another."""
    seen: dict[str, tuple[str, Path]] = {}
    for source in sources:
        for episode in source.episodes:
            there, path = seen.setdefault(episode.instance, (episode.set, source.path))
            if there != episode.set:
                raise DataError(
                    f"instance {episode.instance} is in the set {there} in {path}, but in {episode.set} in "
                    f"{source.path}. Rename one of them, or give both the same split."
                )


def _bag_fingerprint(bag: Bag, videos: Sequence[str]) -> str:
    """A hash of the ends of each file, and of the labels."""
    if isinstance(bag, RemoteBag):
        return remote_fingerprint(bag, video_files(Path(), videos) if videos else ())
    digest = hashlib.sha256()
    held = sorted(bag.iterdir()) if bag.is_dir() else [bag]
    files = [file for file in held if file.name == _METADATA or is_storage_file(file)]
    for file in [*files, *video_files(bag, videos)]:
        with file.open("rb") as stream:
            digest_ends(digest, file.suffix, stream)
    if labels_path(bag).is_file():
        digest.update(labels_path(bag).read_bytes())
    return digest.hexdigest()
