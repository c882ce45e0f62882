"""Finds bags that were not closed, because the recorder was killed or the machine lost power."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from aassl_ros.data.bags.containers import storage_files
from aassl_ros.data.bags.mcap_records import MAGIC
from aassl_ros.errors import AasslError, DiskFullError

# At most this many entries of a folder are checked, so that a recorder starts quickly.
_LOOKED_AT = 2000


def unfinished_bags(folder: Path, but: Collection[Path] = ()) -> list[Path]:
    """The bags directly in a folder that were not closed, by name. but: bags that are being recorded now.

    Only the ends of files are read. Bags that were recovered already are skipped (BAG if there is a BAG-recovered, and
    BAG-original), and so are unreadable files.
    """
    found = []
    try:
        entries = sorted(entry for entry, _ in zip(folder.iterdir(), range(_LOOKED_AT), strict=False))
    except OSError:
        return []
    for bag in entries:
        if bag in but or bag.name.startswith(".") or bag.name.endswith("-original"):
            continue
        try:
            if bag.is_dir() and not bag.with_name(f"{bag.name}-recovered").exists() and _is_unfinished(bag):
                found.append(bag)
        except OSError:
            continue
    return found


def recovery_advice(bag: Path) -> str:
    """The message of a recorder about such a bag."""
    return f"{bag} was not closed (or another recorder writes it now). Recover it: aassl bag recover {bag}"


def recording_ended(path: Path, error: AasslError) -> str:
    """The message of a recorder whose recording ended with an error."""
    if isinstance(error, DiskFullError):
        return f"{error} Free space, then call recorder/split to continue in a new bag."
    return f"{error} Recording has stopped. To recover what was written: aassl bag recover {path}"


def _is_unfinished(bag: Path) -> bool:
    return any(_lacks_end(file) for file in storage_files(bag))


def _lacks_end(file: Path) -> bool:
    """Whether a file lacks its end. A compressed file was closed before it was compressed."""
    if file.suffix == ".mcap":
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - len(MAGIC)))
            return size < 2 * len(MAGIC) or stream.read() != MAGIC
    if file.suffix == ".db3":
        beside = (file.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-journal"))
        return any(one.exists() and one.stat().st_size for one in beside)
    return False
