"""Lists a folder of photographs: which folders and pictures it has, and what is left out of it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from aassl_ros.data.pictures.file_names import is_hidden, is_picture, natural_key
from aassl_ros.errors import DataError


@dataclass(frozen=True)
class Listing:
    """What a folder has, in natural order. hidden: the number of hidden files. others: of other files, by ending."""

    folders: tuple[str, ...]
    pictures: tuple[str, ...]
    hidden: int
    others: Counter[str]


@dataclass
class LeftOut:
    """Numbers of files that were left out.

    hidden: hidden ones. others: those that are not pictures, by ending. places: pictures in a place where none are
    expected, by reason.
    """

    hidden: int = 0
    others: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)

    def add(self, listing: Listing) -> Listing:
        """Count what is not a picture in a listing, and return the listing."""
        self.hidden += listing.hidden
        self.others += listing.others
        return listing

    def notes(self) -> tuple[str, ...]:
        """One line for each kind of file that was left out."""
        found = [f"{count} pictures skipped, {reason}" for reason, count in self.places.items() if count]
        if self.others:
            kinds = ", ".join(f"{ending or 'no ending'} {count}" for ending, count in self.others.most_common(5))
            advice = ": convert them to JPEG" if {".heic", ".heif", ".avif"} & self.others.keys() else ""
            found.append(
                f"{self.others.total()} files skipped that are not pictures which OpenCV reads ({kinds}){advice}"
            )
        if self.hidden:
            found.append(f"{self.hidden} hidden files skipped, such as ._*, .DS_Store or Thumbs.db")
        return tuple(found)


def list_folder(folder: Path) -> Listing:
    """List a folder.

    Args:
        folder: a folder; links to folders are followed.

    Returns:
        Its folders and pictures. Hidden folders and __MACOSX count as one hidden file each.

    Raises:
        DataError: it cannot be read.
    """
    folders, pictures, hidden, others = [], [], 0, Counter[str]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    hidden += 1
                elif entry.is_dir():
                    folders.append(entry.name)
                elif is_picture(entry.name):
                    pictures.append(entry.name)
                else:
                    others[Path(entry.name).suffix.lower()] += 1
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}). Check its permissions.") from error
    return Listing(tuple(sorted(folders, key=natural_key)), tuple(sorted(pictures, key=natural_key)), hidden, others)
