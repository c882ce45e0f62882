"""Reads a folder of photographs: CATEGORY/OBJECT/*.jpg, or the same in the folders train and test.

An episode is the pictures of one object, in natural order of their names and one second apart. Pictures may also be one
folder deeper: CATEGORY/OBJECT/images, or one folder for each recording of the object, which is an episode then. Names
are compared in the Unicode form NFC, because macOS stores another one.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from aassl_ros.data.pictures.file_names import is_hidden, is_picture
from aassl_ros.data.pictures.folder import SPLITS, TABLE
from aassl_ros.data.pictures.pictures import PictureEpisode
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.readers.folder_scan import LeftOut, Listing, list_folder
from aassl_ros.data.readers.object_split import TEST_SHARE, split_objects
from aassl_ros.data.readers.published import SECOND_NS, Files, PublishedSet
from aassl_ros.errors import DataError

LOOKS_LIKE = "CATEGORY/OBJECT/*.jpg, or train/CATEGORY/OBJECT/*.jpg and test/CATEGORY/OBJECT/*.jpg"
_IMAGES = "images"
_PARTS = {*SPLITS, "val", "valid", "validation"}  # names of the parts of a data set
_DEEPEST = 4  # train/CATEGORY/OBJECT/images
_NAMED = 5  # categories that a note names


def recognises(folder: Path) -> bool:
    """Whether the folder holds pictures two to four folders deep, and no frames.csv beside or above them."""
    if not folder.is_dir() or (folder / TABLE).is_file():
        return False
    places = [path for path in _folders(folder) if not (path / TABLE).is_file()]
    return any(_holds_picture(inner, _DEEPEST - 2) for place in places for inner in _folders(place))


def read(folder: Path) -> PublishedSet:
    """Read one episode for each object, or for each folder of an object.

    Args:
        folder: contains CATEGORY/OBJECT, or train and test with these. If it is itself named train or test, all its
            objects are of this set.

    Returns:
        The episodes. The notes say how the objects were split and what was left out.

    Raises:
        DataError: there is no such picture, an object is in train and in test, or it is unclear whether a folder train
            is a set.
    """
    scan = _Scan(folder)
    if not scan.episodes:
        why = "; ".join(scan.left_out.notes())
        raise DataError(
            f"{folder} contains no picture of an object (expected {LOOKS_LIKE}){why and f'. Found: {why}'}."
        )
    return PublishedSet(folder, tuple(scan.episodes), (*scan.notes(), *scan.left_out.notes()))


class _Scan:
    """The episodes of a folder. left_out: files that are not among them. split: how the sets were decided, as notes."""

    def __init__(self, folder: Path) -> None:
        self.episodes: list[PictureEpisode] = []
        self.left_out = LeftOut()
        self.split: tuple[str, ...] = ()
        self._places: dict[str, Path] = {}  # of each object
        top = self._list(folder)
        self._skip(top, f"directly in {folder.name}")
        if sets := _split_folders(folder, top):
            for name in top.folders:
                if name in sets:
                    self._skip(self._list(folder / name), f"directly in {name}")
                    self._read_categories(folder / name, sets[name])
                else:
                    self.left_out.places[f"in {name}, which is beside train and test"] += _count(folder / name)
            if len(found := set(sets.values())) == 1:
                self.split = (f"the only folder is {found.pop()}: all its objects are of this set",)
            return
        if top.folders and {name.casefold() for name in top.folders} <= _PARTS:
            raise DataError(
                f"{folder} has the folders {', '.join(top.folders)}, with pictures of a category in one folder, not of "
                f"an object. Expected {LOOKS_LIKE}: an object must not be in both parts. Make a folder for each object."
            )
        named = folder.resolve().name.casefold()
        self._read_categories(folder, named if named in SPLITS else "")
        if named in SPLITS:
            self.split = (f"the folder is named {named}: all its objects are of this set",)
        else:
            self._split_by_hash()

    def notes(self) -> tuple[str, ...]:
        """What the folders were taken for, and how the objects were split."""
        objects = {episode.instance: episode.category for episode in self.episodes}
        categories = len(set(objects.values()))
        single = sum(len(episode.images) == 1 for episode in self.episodes)
        alone = (
            (f"{single} of {len(self.episodes)} episodes have one picture only: it forms no pair",) if single else ()
        )
        return (f"read as CATEGORY/OBJECT: categories {categories}, objects {len(objects)}", *self.split, *alone)

    def _list(self, folder: Path) -> Listing:
        """List a folder, and count what is left out of it."""
        if (folder / TABLE).is_file():
            raise DataError(
                f"{folder} contains {TABLE}, but is deeper than a table is looked for. Give {folder.parent} to aassl "
                f"prepare, or remove {TABLE} to read the pictures as CATEGORY/OBJECT."
            )
        return self.left_out.add(list_folder(folder))

    def _read_categories(self, root: Path, split: str) -> None:
        for category in list_folder(root).folders:
            inside = self._list(root / category)
            self._skip(inside, "directly in a category: put those of each object into a folder CATEGORY/OBJECT")
            for name in inside.folders:
                self._read_object(root / category / name, _plain(category), split)

    def _read_object(self, place: Path, category: str, split: str) -> None:
        instance = f"{category}/{_plain(place.name)}"
        listing = self._list(place)
        found = len(self.episodes)
        self._add(instance, instance, category, split, Files(place, listing.pictures))
        only = [name for name in listing.folders if name.casefold() == _IMAGES]
        for name in listing.folders:
            if only and name not in only:
                self.left_out.places[f"beside a folder {_IMAGES}"] += _count(place / name)
                continue
            inner = self._list(place / name)
            episode = instance if only and not listing.pictures else f"{instance}/{_plain(name)}"
            self._add(episode, instance, category, split, Files(place / name, inner.pictures))
            for deeper in inner.folders:
                self.left_out.places["more than one folder below an object"] += _count(place / name / deeper)
        if len(self.episodes) > found:
            other = self._places.setdefault(instance, place)
            if other != place:
                raise DataError(
                    f"object {instance} is both {other} and {place}. An object is in one folder, and either for "
                    "training or for testing: rename or move one of them."
                )

    def _add(self, name: str, instance: str, category: str, split: str, files: Files) -> None:
        if files.names:
            # Photographs have no times that can be relied on, so one second per picture is used.
            states = EpisodeStates(np.arange(len(files)) * SECOND_NS)
            self.episodes.append(PictureEpisode(name, instance, category, split, files, states))

    def _skip(self, listing: Listing, why: str) -> None:
        self.left_out.places[why] += len(listing.pictures)

    def _split_by_hash(self) -> None:
        objects = {episode.instance: episode.category for episode in self.episodes}
        sets = split_objects(objects)
        self.episodes = [replace(episode, set=sets[episode.instance]) for episode in self.episodes]
        count = list(sets.values()).count("test")
        self.split = (
            f"no folders train and test: {count} of {len(sets)} objects are for testing, about {TEST_SHARE:.0%} of "
            "each category by a hash of their names. To choose them, make train/CATEGORY/OBJECT and "
            "test/CATEGORY/OBJECT",
        )
        categories = list(objects.values())
        if single := [name for name in dict.fromkeys(categories) if categories.count(name) == 1]:
            more = ", ..." if len(single) > _NAMED else ""
            self.split += (
                f"only one object in {len(single)} of {len(set(categories))} categories ({', '.join(single[:_NAMED])}"
                f"{more}): it is for training. If these are objects and not categories, put them into CATEGORY/OBJECT",
            )


def _split_folders(folder: Path, top: Listing) -> dict[str, str]:
    """The folders train and test that hold CATEGORY/OBJECT, each with its set; none if "train" is a category.

    Raises DataError if there is one such folder, and pictures beside it.
    """
    sets = {name: name.casefold() for name in top.folders if name.casefold() in SPLITS}
    sets = {name: split for name, split in sets.items() if _holds_objects(folder / name)}
    alone = len(set(sets.values())) == 1
    if beside := [name for name in top.folders if alone and name not in sets and _count(folder / name)]:
        name = next(iter(sets))
        raise DataError(
            f"{folder} contains {name} and beside it {', '.join(beside[:_NAMED])}: it is unclear whether {name} is the "
            f"set or a category. Expected {LOOKS_LIKE}. Rename or move one of them."
        )
    return sets


def _holds_objects(folder: Path) -> bool:
    """Whether CATEGORY/OBJECT in this folder holds a picture, at any depth that is read."""
    return any(_holds_picture(inner, 1) for place in _folders(folder) for inner in _folders(place))


def _holds_picture(folder: Path, depth: int) -> bool:
    """Whether a folder, or one at most `depth` below it, holds a picture."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    if any(is_picture(name) and not is_hidden(name) for name in names):
        return True
    return depth > 0 and any(_holds_picture(inner, depth - 1) for inner in _folders(folder))


def _folders(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    yield from (folder / name for name in names if not is_hidden(name) and (folder / name).is_dir())


def _count(folder: Path) -> int:
    """The number of pictures in a folder and below it."""
    return sum(is_picture(name) and not is_hidden(name) for _, _, files in os.walk(folder) for name in files)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)
