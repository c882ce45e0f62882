"""Says what `aassl prepare` reads, and what was found instead, if a source is none of it."""

from __future__ import annotations

import os
from pathlib import Path

from aassl_ros.data.bags.metadata import FILE_NAME as _METADATA
from aassl_ros.data.pictures.file_names import is_hidden, is_picture
from aassl_ros.data.pictures.folder import TABLE
from aassl_ros.data.readers.registry import LAYOUTS

_MOST = 10_000  # files looked at: enough to find a picture, few enough for the root of a disk


def nothing_found(source: Path) -> str:
    """The error for a source that is no bag, no folder of pictures and no data set.

    Args:
        source: a file or folder that exists.

    Returns:
        One line: what was expected, a picture that was found in a wrong place, and what to do.
    """
    picture = _first_picture(source)
    found = f"pictures in another place, such as {picture}" if picture else "no picture"
    return (
        f"{source} contains no bag (no {_METADATA}, no .mcap, .db3 or .bag file), no table of pictures (no {TABLE}), "
        f"no photographs as CATEGORY/OBJECT/*.jpg and no data set of a known layout ({', '.join(LAYOUTS)}); it has "
        f"{found}. Give a folder that contains bags, photographs with a folder CATEGORY/OBJECT for each object (also "
        f"within folders train and test), or pictures listed in {TABLE}: docs/data.md#photographs-in-folders. To "
        "record a robot: aassl collect -o NEW."
    )


def _first_picture(source: Path) -> str:
    """A picture below a folder, as a path from there; empty if none is found among the first files."""
    looked = 0
    for place, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            if is_picture(name) and not is_hidden(name):
                return os.path.relpath(os.path.join(place, name), source)
        looked += len(files) + len(folders)
        if looked > _MOST:
            break
    return ""
