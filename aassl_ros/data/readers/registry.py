"""The layouts of published data sets that `aassl prepare` reads: a name, how to tell one, and its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.data.pictures.pictures import PictureSource
from aassl_ros.data.readers import co3d, mvimgnet, rt4k
from aassl_ros.errors import DataError
from aassl_ros.registry import Registry


@dataclass(frozen=True)
class Layout:
    """One layout. recognises: whether a folder is unmistakably of it; looks_like: what it holds, in words."""

    recognises: Callable[[Path], bool]
    read: Callable[[Path], PictureSource]
    looks_like: str


LAYOUTS: Registry[Layout] = Registry("reader", "aassl_ros.readers", Layout)
"""All layouts by name."""


def register_reader(name: str, layout: Layout) -> Layout:
    """Make a layout known to `aassl prepare FOLDER --layout NAME`; a folder that it recognises needs no option.

    Another package can do the same without a call, by an entry point of the group `aassl_ros.readers` whose object is
    a Layout. Raises ConfigError if the name is taken.
    """
    return LAYOUTS.register(name, layout)


register_reader("rt4k", Layout(rt4k.recognises, rt4k.read, rt4k.LOOKS_LIKE))
register_reader("mvimgnet", Layout(mvimgnet.recognises, mvimgnet.read, mvimgnet.LOOKS_LIKE))
register_reader("co3d", Layout(co3d.recognises, co3d.read, co3d.LOOKS_LIKE))


def layout_of(folder: Path) -> str | None:
    """The name of the one layout that the folder is of; None where it is of none, or might be of two."""
    found = [name for name, layout in LAYOUTS.items() if layout.recognises(folder)]
    return found[0] if len(found) == 1 else None


def read_published(folder: Path, name: str) -> PictureSource:
    """The data set in `folder`, of the layout `name`. Raises DataError where it is not, or is damaged."""
    if not LAYOUTS[name].recognises(folder):
        other = layout_of(folder)
        found = f" It looks like {other}." if other else ""
        raise DataError(f"{folder} is not of the layout {name} (expected {LAYOUTS[name].looks_like}).{found}")
    return LAYOUTS[name].read(folder)
