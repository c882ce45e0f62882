"""Folders of a run's checkpoints: each is written and synced under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from aassl_ros.files import sync_path

LINK, FOLDER = "checkpoint", "checkpoints"
_PART = ".part-"


def write_folder(folder: Path, content: Mapping[str, bytes], step: int) -> Path:
    """Write the files of one checkpoint atomically; returns its folder. Raises OSError."""
    for left_over in folder.glob(f"{_PART}*"):  # from a writer that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    part = folder / f"{_PART}{os.getpid()}"
    try:
        part.mkdir(parents=True)
        for name, data in content.items():
            with open(part / name, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        sync_path(part)
        target = _free_name(folder, step)
        part.rename(target)
    except OSError:  # a full disk must not stay full because of us
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_path(folder)
    return target


def point_link(run: Path, target: Path) -> None:
    """Point the link RUN/checkpoint to `target`, atomically."""
    link = run / f".{LINK}-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(run))
    os.replace(link, run / LINK)
    sync_path(run)


def remove_old(folder: Path, keep: int, newest: Path) -> None:
    """Remove all checkpoints except the `keep` newest; `newest` is never removed."""
    written = [path for path in folder.iterdir() if not path.name.startswith(".") and path != newest]
    written.sort(key=lambda path: path.stat().st_mtime_ns)
    for old in written[: max(0, len(written) - keep + 1)]:
        shutil.rmtree(old, ignore_errors=True)


def _free_name(folder: Path, step: int) -> Path:
    """Return checkpoints/STEP, or STEP-2 and so on if it exists: a killed and resumed run may have written it before.

    The older one is not changed.
    """
    name, count = f"{step:08d}", 1
    while (folder / name).exists():
        count += 1
        name = f"{step:08d}-{count}"
    return folder / name
