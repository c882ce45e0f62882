"""The layouts of data sets and photographs that `aassl prepare` reads: name, recognition and reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.data.pictures.pictures import PictureSource
from aassl_ros.data.readers import co3d, folders, mvimgnet, rt4k
from aassl_ros.errors import DataError
from aassl_ros.registry import Registry


@dataclass(frozen=True)
class Layout:
    """One layout of a data set.

    recognises: whether a folder certainly has this layout. read: reads the folder. looks_like: a description of the
    layout for error messages. accepts: whether a folder may have it, if the user names the layout; None: as recognises.
    last: whether the layout is so general that it is tried only if nothing else fits.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Path], PictureSource]
    looks_like: str
    accepts: Callable[[Path], bool] | None = None
    last: bool = False


FOLDERS = "folders"
"""The layout of plain photographs."""
LAYOUTS: Registry[Layout] = Registry("reader", "aassl_ros.readers", Layout)
"""All layouts by name."""


def register_reader(name: str, layout: Layout) -> Layout:
    """Register a layout for `aassl prepare FOLDER --layout NAME`. A folder that it recognises needs no option.

    Another package can also register a layout with an entry point of the group `aassl_ros.readers` whose object is a
    Layout.

    Args:
        name: the name for the option.
        layout: the layout.

    Returns:
        The layout.

    Raises:
        ConfigError: the name is already registered.
    """
    return LAYOUTS.register(name, layout)


register_reader("rt4k", Layout(rt4k.recognises, rt4k.read, rt4k.LOOKS_LIKE))
register_reader("mvimgnet", Layout(mvimgnet.recognises, mvimgnet.read, mvimgnet.LOOKS_LIKE, mvimgnet.accepts))
register_reader("co3d", Layout(co3d.recognises, co3d.read, co3d.LOOKS_LIKE))
register_reader(FOLDERS, Layout(folders.recognises, folders.read, folders.LOOKS_LIKE, last=True))


def layout_of(folder: Path, *, last: bool = True) -> str | None:
    """Find the layout of a data set.

    Args:
        folder: the folder of the data set.
        last: also try the layouts that are tried last.

    Returns:
        The name of the layout; None if no layout, or more than one, recognises the folder.
    """
    for general in (False, True) if last else (False,):
        found = [name for name, layout in LAYOUTS.items() if layout.last == general and layout.recognises(folder)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def read_published(folder: Path, name: str) -> PictureSource:
    """Read a published data set.

    Args:
        folder: the folder of the data set.
        name: the name of its layout, a key of LAYOUTS.

    Returns:
        The episodes and their pictures; pictures are decoded later.

    Raises:
        DataError: the folder has another layout or is damaged.
    """
    layout = LAYOUTS[name]
    if not (layout.accepts or layout.recognises)(folder):
        other = layout_of(folder)
        found = f" It looks like {other}." if other else ""
        raise DataError(f"{folder} does not have the layout {name} (expected {layout.looks_like}).{found}")
    return layout.read(folder)
