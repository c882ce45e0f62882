"""Bags and outputs at URLs (s3://, gs://, ftp://, http://, memory://, ...), with fsspec: pip install aassl_ros[remote].

A bag is copied to this machine while it is prepared. An output is prepared in a folder of this machine and then copied.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.containers import is_storage_file
from aassl_ros.data.bags.metadata import FILE_NAME as METADATA
from aassl_ros.data.prepared.arrays import TABLE
from aassl_ros.errors import AasslError, ConfigError, DataError, first_line


def is_url(place: object) -> bool:
    """Whether a source or an output is a URL, and not a path."""
    return isinstance(place, str) and "://" in place


def without_password(url: str) -> str:
    """A URL as it is shown and stored."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", url)


@dataclass(frozen=True)
class RemoteBag:
    """A bag at a URL. files: the URLs of its files. name: that of its folder, or of its only file."""

    url: str
    files: tuple[str, ...]
    is_folder: bool

    def __str__(self) -> str:
        return without_password(self.url)

    @property
    def name(self) -> str:
        return posixpath.basename(self.url.rstrip("/"))


Bag = Path | RemoteBag


def find_remote_bags(url: str) -> list[RemoteBag]:
    """Find the bags at a URL: a file, a folder that is a bag, or the bags directly inside a folder.

    Raises ConfigError if fsspec is missing, DataError if the URL cannot be read or there are no bags.
    """
    with _naming(url):
        if is_storage_file(Path(posixpath.basename(url))):
            system, path = _system(url)
            if not system.exists(path):
                raise DataError(f"{without_password(url)} does not exist. Check the URL.")
            return [RemoteBag(url, (url,), is_folder=False)]
        files, folders = _listed(url)
        if held := _of_bag(files):
            return [RemoteBag(url.rstrip("/"), tuple(held), is_folder=True)]
        found = [(folder, _of_bag(_listed(folder)[0])) for folder in folders]
    bags = [RemoteBag(folder.rstrip("/"), tuple(held), is_folder=True) for folder, held in found if held]
    if not bags:
        raise DataError(
            f"{without_password(url)} contains no bag (no {METADATA}, no .mcap, .db3 or .bag file). Check the URL."
        )
    return bags


@contextlib.contextmanager
def local_copy(bag: Bag) -> Iterator[Path]:
    """Yield a bag as a path of this machine. A bag at a URL is copied to TMPDIR while the context lasts.

    Errors in the context name the URL and not the copy.
    """
    if isinstance(bag, Path):
        yield bag
        return
    with tempfile.TemporaryDirectory(prefix="aassl-remote-") as scratch:
        copy = Path(scratch) / bag.name
        with _naming(bag.url):
            for file in bag.files:
                target = copy / posixpath.basename(file) if bag.is_folder else copy
                target.parent.mkdir(exist_ok=True)
                system, path = _system(file)
                system.get_file(path, str(target))
        try:
            yield copy
        except AasslError as error:
            raise type(error)(str(error).replace(str(copy), str(bag))) from error


def remote_fingerprint(bag: RemoteBag, ends: int) -> str:
    """The fingerprint of a bag, equal to that of a local copy. ends: bytes read at start and end of each file."""
    digest = sha256()
    with _naming(bag.url):
        for file in sorted(bag.files, key=posixpath.basename):
            system, path = _system(file)
            with system.open(path, "rb") as stream:
                size = int(stream.seek(0, os.SEEK_END))
                digest.update(f"{posixpath.splitext(file)[1]} {size} ".encode())
                stream.seek(0)
                digest.update(stream.read(ends))
                stream.seek(max(0, size - ends))
                digest.update(stream.read(ends))
    return digest.hexdigest()


class RemoteOutput:
    """An output at a URL, with a folder of this machine in which it is prepared.

    Attributes:
        folder: where to prepare it. Parts of an interrupted run stay beside it until the output is complete.
    """

    def __init__(self, url: str) -> None:
        """url: of the folder of prepared data. Raises ConfigError if fsspec is missing."""
        self.url = url.rstrip("/")
        _system(url)
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = cache / "aassl_ros" / "prepare" / sha256(self.url.encode()).hexdigest()[:16] / "data"

    def fetch(self) -> None:
        """Copy what the URL holds already to the folder, so that its parts are used again. Raises DataError."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with _naming(self.url):
            system, path = _system(self.url)
            if not system.exists(f"{path}/{TABLE}"):
                return
            self.folder.mkdir(parents=True)
            for file in _listed(self.url)[0]:
                source, place = _system(file)
                source.get_file(place, str(self.folder / posixpath.basename(file)))

    def store(self) -> None:
        """Copy the folder to the URL, and remove it here. The table comes last: without it, data are no data."""
        with _naming(self.url):
            system, path = _system(self.url)
            system.makedirs(path, exist_ok=True)
            if system.exists(f"{path}/{TABLE}"):
                system.rm_file(f"{path}/{TABLE}")
            names = sorted((file.name for file in self.folder.iterdir()), key=lambda name: (name == TABLE, name))
            for name in names:
                system.put_file(str(self.folder / name), f"{path}/{name}")
        self.remove()

    def remove(self) -> None:
        """Remove the folder of this machine."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def _system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(
            f"{without_password(url)} needs fsspec, which is missing: pip install 'aassl_ros[remote]'."
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{without_password(url)} cannot be opened: {first_line(error)}.") from error
    return system, str(path)


def _listed(url: str) -> tuple[list[str], list[str]]:
    """The URLs of files and folders directly inside a folder, sorted."""
    system, path = _system(url)
    found: dict[str, list[str]] = {"file": [], "directory": []}
    for entry in system.ls(path, detail=True):
        name = posixpath.basename(entry["name"].rstrip("/"))
        # HTTP servers list folders by a slash at the end, and everything as a file.
        kind = "directory" if entry["name"].endswith("/") else entry["type"]
        if name and kind in found and not name.startswith("?"):
            found[kind].append(f"{url.rstrip('/')}/{name}")
    return sorted(found["file"]), sorted(found["directory"])


def _of_bag(files: list[str]) -> list[str]:
    """The files of a bag among files; empty if they are no bag."""
    names = {file: posixpath.basename(file) for file in files}
    return [file for file, name in names.items() if name == METADATA or is_storage_file(Path(name))]


@contextlib.contextmanager
def _naming(url: str) -> Iterator[None]:
    """Turn the errors of file systems, which are of many kinds, into one line."""
    try:
        yield
    except AasslError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{without_password(url)} does not exist. Check the URL.") from error
    except Exception as error:  # each library has its own exceptions
        said = first_line(error).replace(url, without_password(url))
        raise DataError(f"{without_password(url)} cannot be read or written: {said}.") from error
