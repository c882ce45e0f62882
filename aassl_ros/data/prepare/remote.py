"""Bags and outputs at URLs (s3://, gs://, ftp://, http://, memory://, ...), with fsspec: pip install aassl_ros[remote].

A bag is copied to this machine while it is prepared, with its labels, and with videos beside it that have stamps. An
output is prepared in a folder of this machine and then copied.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from aassl_ros.data.bags.containers import is_storage_file
from aassl_ros.data.bags.labels import FILE_NAME as LABELS
from aassl_ros.data.bags.metadata import FILE_NAME as METADATA
from aassl_ros.data.lerobot.video_stamps import SUFFIXES as STAMP_SUFFIXES
from aassl_ros.data.lerobot.video_stamps import VIDEO_SUFFIXES
from aassl_ros.data.prepared.arrays import TABLE
from aassl_ros.errors import AasslError, ConfigError, DataError, first_line

# The fingerprint of a bag depends on so many bytes at the start and at the end of each file.
_END_BYTES = 1 << 16


def is_url(place: object) -> bool:
    """Whether a source or an output is a URL, and not a path."""
    return isinstance(place, str) and "://" in place


def without_password(url: str) -> str:
    """A URL as it is shown and stored."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", url)


@dataclass(frozen=True)
class RemoteBag:
    """A bag at a URL.

    Attributes:
        url: of its folder, or of its only file.
        files: the URLs of its files.
        is_folder: whether it is a folder.
        videos: the URLs of each video beside its files, followed by that of its stamps.
        labels: the URL of its labels; empty if there are none.
    """

    url: str
    files: tuple[str, ...]
    is_folder: bool
    videos: tuple[str, ...] = ()
    labels: str = ""

    def __str__(self) -> str:
        return without_password(self.url)

    @property
    def name(self) -> str:
        """The name of its folder, or of its only file."""
        return posixpath.basename(self.url.rstrip("/"))


Bag = Path | RemoteBag


def find_remote_bags(url: str) -> list[RemoteBag]:
    """Find the bags at a URL: a file, a folder that is a bag, or the bags directly inside a folder.

    Raises ConfigError if fsspec is missing, DataError if the URL cannot be read or there are no bags.
    """
    with _naming(url):
        if is_storage_file(Path(posixpath.basename(url))):
            return [_file(url)]
        files, folders = _listed(url)
        here = _folder(url, files)
        bags = [here] if here else [bag for folder in folders if (bag := _folder(folder, _listed(folder)[0]))]
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
        folder = copy if bag.is_folder else copy.parent
        with _naming(bag.url):
            folder.mkdir(exist_ok=True)
            for file in (*bag.files, *bag.videos, *([bag.labels] if bag.labels else [])):
                system, path = _system(file)
                system.get_file(path, str(folder / posixpath.basename(file)))
        try:
            yield copy
        except AasslError as error:
            said = str(error).replace(str(copy), str(bag)).replace(scratch, posixpath.dirname(str(bag)))
            raise type(error)(said) from error


def remote_fingerprint(bag: RemoteBag, named_videos: Sequence[Path]) -> str:
    """The fingerprint of a bag, equal to that of a local copy.

    Args:
        bag: the bag.
        named_videos: files of videos that the user named, which are read instead of those beside the bag.
    """
    digest = sha256()
    with _naming(bag.url):
        held = sorted(bag.files, key=posixpath.basename)
        for file in [*held, *(() if named_videos else bag.videos)]:
            system, path = _system(file)
            with system.open(path, "rb") as stream:
                digest_ends(digest, posixpath.splitext(file)[1], stream)
        for video in named_videos:
            with video.open("rb") as stream:
                digest_ends(digest, video.suffix, stream)
        if bag.labels:
            system, path = _system(bag.labels)
            digest.update(system.cat_file(path))
    return digest.hexdigest()


def digest_ends(digest: Any, suffix: str, stream: IO[bytes]) -> None:
    """Add suffix, size, start and end of a file to a digest. The end of an MCAP file is an index with checksums."""
    size = int(stream.seek(0, os.SEEK_END))
    digest.update(f"{suffix} {size} ".encode())
    stream.seek(0)
    digest.update(stream.read(_END_BYTES))
    stream.seek(max(0, size - _END_BYTES))
    digest.update(stream.read(_END_BYTES))


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


def _folder(url: str, files: list[str]) -> RemoteBag | None:
    """The bag in a folder with these files; None if they are no bag."""
    names = {posixpath.basename(file): file for file in files}
    held = tuple(file for name, file in names.items() if name == METADATA or is_storage_file(Path(name)))
    return RemoteBag(url.rstrip("/"), held, True, _videos(names), names.get(LABELS, "")) if held else None


def _file(url: str) -> RemoteBag:
    """The bag of one file."""
    system, path = _system(url)
    if not system.exists(path):
        raise DataError(f"{without_password(url)} does not exist. Check the URL.")
    labels = f"{url}.{LABELS}"
    names: dict[str, str] = {}
    with contextlib.suppress(Exception):  # many servers do not list their folders
        names = {posixpath.basename(file): file for file in _listed(posixpath.dirname(url))[0]}
    return RemoteBag(url, (url,), False, _videos(names), labels if system.exists(f"{path}.{LABELS}") else "")


def _videos(names: dict[str, str]) -> tuple[str, ...]:
    """The URLs of videos and stamps, as video_bag.videos_beside finds them. names: of the files in a folder -> URL."""
    found: list[str] = []
    for name in sorted(names):
        stem, suffix = posixpath.splitext(name)
        stamps = next((f"{stem}{other}" for other in STAMP_SUFFIXES if f"{stem}{other}" in names), None)
        if suffix in VIDEO_SUFFIXES and stamps:
            found += [names[name], names[stamps]]
    return tuple(found)


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
