"""Names of picture files: which are pictures, which a system left behind, and their natural order."""

from __future__ import annotations

import re
import unicodedata

PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""Endings of files that OpenCV reads as pictures, in lower case."""
_SYSTEM = frozenset(("thumbs.db", "desktop.ini", "__macosx", "@eadir"))
"""Files and folders that Windows, macOS and network disks put beside pictures, in lower case."""
_DIGITS = re.compile(r"([0-9]+)")


def is_picture(name: str) -> bool:
    """Whether a file name has the ending of a picture.

    Args:
        name: of a file.

    Returns:
        True for an ending in PICTURE_SUFFIXES, in upper or lower case.
    """
    return _suffix(name) in PICTURE_SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or was put there by the system: `._img_0.jpg`, `Thumbs.db`, `__MACOSX`.

    Args:
        name: of a file or folder.

    Returns:
        True if it must be left out.
    """
    return name.startswith(".") or name.casefold() in _SYSTEM


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A key to sort names in natural order, img_2 before img_10.

    Args:
        name: of a file or folder.

    Returns:
        The parts of the name, numbers as int, and the name itself, so that different names have different keys.
    """
    # Text and numbers take turns, so that parts at the same place have the same type.
    parts = _DIGITS.split(unicodedata.normalize("NFC", name).casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""
