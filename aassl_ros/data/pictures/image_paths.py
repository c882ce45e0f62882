"""Finds the pictures that frames.csv names, also if another system wrote the table."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from aassl_ros.data.pictures.frames_table import FramesTable
from aassl_ros.errors import DataError

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def find_images(table: FramesTable) -> list[Path]:
    r"""Find the picture of each row.

    A path that is not there as it is written is also looked for with / instead of \, and with names in another Unicode
    form: macOS stores an accent apart from its letter.

    Args:
        table: of the folder that contains the pictures.

    Returns:
        The path of each row's picture.

    Raises:
        DataError: one is not a file inside the folder (symlinks are followed).
    """
    finder = _Finder(table.path.parent)
    return [finder.find(cell, table.at(index)) for index, cell in enumerate(table.column("image"))]


class _Finder:
    """Finds paths in a folder, and remembers what it has looked up."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._root = folder, os.path.realpath(folder)
        self._real: dict[str, str] = {}
        self._names: dict[str, dict[str, str]] = {}

    def find(self, cell: str, at: str) -> Path:
        slashes = cell.replace("\\", "/")
        if os.path.isabs(slashes) or _DRIVE.match(cell):
            raise DataError(f"{at}: image = {cell!r}, expected a path within the folder.")
        found = False
        for path in dict.fromkeys((cell, slashes)):
            inside, found = self._look(path)
            if found or not inside:
                break
        if not inside:
            raise DataError(f"{at}: image = {cell!r} is outside {self._folder}. Copy it there.")
        if not found:
            path = self._in_other_form(slashes)
            inside, found = self._look(path) if path else (True, False)
        if not (inside and found):
            raise DataError(f"{at}: image = {cell!r}: there is no such file.")
        return self._folder / path

    def _look(self, path: str) -> tuple[bool, bool]:
        """Whether a path is inside the folder, and whether there is a file."""
        folder, name = os.path.split(path)
        try:
            if folder not in self._real:
                self._real[folder] = os.path.realpath(os.path.join(self._root, folder))
            real = os.path.join(self._real[folder], name)
            if os.path.islink(real) or name in ("", ".", ".."):
                real = os.path.realpath(real)
            return os.path.commonpath((self._root, real)) == self._root, os.path.isfile(real)
        except ValueError:  # a null byte
            return True, False

    def _in_other_form(self, path: str) -> str:
        """The path whose parts are the same in the Unicode form NFC; empty if there is none."""
        found = ""
        for part in path.split("/"):
            same = part if part in ("", ".", "..") else self._listed(found).get(unicodedata.normalize("NFC", part))
            if same is None:
                return ""
            found = os.path.join(found, same)
        return found

    def _listed(self, folder: str) -> dict[str, str]:
        """The names in a folder, by their form NFC."""
        if folder not in self._names:
            try:
                names = os.listdir(os.path.join(self._root, folder))
            except OSError:
                names = []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]
