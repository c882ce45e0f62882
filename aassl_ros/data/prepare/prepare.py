"""Converts bags and folders of pictures to prepared data: all frames of episodes at training size, with states.

Each source becomes a part (parts.py), in several processes (processes.py). At the end the parts are joined
(joining.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aassl_ros.data.pictures.pictures import PictureSource, write_pictures
from aassl_ros.data.prepare.bag_part import BagTask, count_frames, holds_frames
from aassl_ros.data.prepare.crop_note import crop_note
from aassl_ros.data.prepare.joining import SourcePart, join_parts
from aassl_ros.data.prepare.part_report import PartReport
from aassl_ros.data.prepare.parts import Part, PartStore, new_part, part_key, parts_of
from aassl_ros.data.prepare.processes import InProcess, InProcesses, Runner
from aassl_ros.data.prepare.remote import Bag, RemoteOutput, is_url, without_password
from aassl_ros.data.prepare.report import PrepareReport, PrepareSettings
from aassl_ros.data.prepare.sources import Sources, find_sources, fingerprints
from aassl_ros.data.prepared.arrays import FORMAT, TABLE, read_table
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import check_replaceable, refuse_to_replace
from aassl_ros.errors import DataError
from aassl_ros.worker_processes import available_cores

# Processes need a second to start, which fewer frames than these do not need.
_WORTH_PROCESSES = 2000

Progress = Callable[[int, int], None]
"""Called with the number of frames read so far, and the total."""


def prepare(
    sources: Sequence[Path | str],
    out: Path | str,
    settings: PrepareSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
    runner: Runner | None = None,
) -> PrepareReport:
    """Make prepared data from bags and picture folders.

    Does nothing if `out` already contains the data of the same sources and settings. An interruption leaves `out` as
    it was; sources that were finished before it are not read again by the next call. The same is true of sources
    that `out` already contains. The data are the same, byte by byte, whatever the number of processes and
    interruptions.

    Args:
        sources: bags, picture folders, published data sets, or folders that contain them. Bags, and folders of bags,
            may be URLs (str), see remote.py.
        out: the folder to make; a path or a URL (str).
        settings: the defaults if None.
        force: make the data again even if they, or parts of them, exist.
        progress: called with the number of frames read so far, and the total to read.
        runner: where bags are read; None: in `settings.workers` processes of this machine.

    Returns:
        The counts of what was prepared and what was not used.

    Raises:
        BagError: a bag is damaged or lacks frames, joints or episodes.
        DataError: `out` cannot be written, pictures or their table are wrong, or no frame can be used.
    """
    settings = settings or PrepareSettings()
    if isinstance(out, str) and is_url(out):
        return _prepare_remote(sources, out, settings, force, progress, runner)
    return _prepare(sources, Path(out), settings, force, progress, runner, Path(out))


def _prepare(
    sources: Sequence[Path | str],
    out: Path,
    settings: PrepareSettings,
    force: bool,
    progress: Progress,
    runner: Runner | None,
    shown: Path | str,
) -> PrepareReport:
    """See `prepare`. shown: the name of the output in the report."""
    found = find_sources(sources, settings)
    digests = fingerprints(found, settings)
    fingerprint = _fingerprint(list(digests.values()), settings)
    if not force and (out / TABLE).exists():
        done = _done_before(out, fingerprint, shown)
        if done is not None:
            return done
        refuse_to_replace(out, drawn=True)
    check_replaceable(out)
    with PartStore(out) as store:
        if force:
            store.clear()
        work = _Work(found, digests, settings, store)
        work.find_parts(out, use_old=not force)
        work.leave_out_empty(sources)
        work.read(progress, runner)
        report = join_parts(work.parts(), out, settings, fingerprint, work.notes, shown)
        store.remove()
    return report


def _prepare_remote(
    sources: Sequence[Path | str],
    url: str,
    settings: PrepareSettings,
    force: bool,
    progress: Progress,
    runner: Runner | None,
) -> PrepareReport:
    output = RemoteOutput(url)
    if not force:
        output.fetch()
    report = _prepare(sources, output.folder, settings, force, progress, runner, without_password(url))
    if report.already_there:
        output.remove()
    else:
        output.store()
    return report


class _Work:
    """All sources of one call, with their parts."""

    def __init__(self, found: Sources, digests: dict[Bag, str], settings: PrepareSettings, store: PartStore) -> None:
        self.notes = list(found.notes)
        self._settings, self._store = settings, store
        self._bags = {bag: part_key(digests[bag], settings) for bag in found.bags}
        self._pictures = {
            source.path: (source, part_key(digests[source.path], settings, source.path.resolve().name))
            for source in found.pictures
        }
        self._done: dict[str, Part] = {}

    def find_parts(self, out: Path, *, use_old: bool) -> None:
        """Find the parts that were finished before: in `out`, or left by an interrupted call."""
        keys = {*self._bags.values(), *(key for _, key in self._pictures.values())}
        if use_old:
            self._done = parts_of(out, keys)
        for key in keys - self._done.keys():
            if (part := self._store.open(key)) is not None:
                self._done[key] = part

    def leave_out_empty(self, named: Sequence[Path | str]) -> None:
        """Leave out bags without frames in folders of bags. A bag that the user named is checked later."""
        unknown = [bag for bag, key in self._bags.items() if key not in self._done and isinstance(bag, Path)]
        empty: list[Bag] = [bag for bag in unknown if bag not in named and not holds_frames(bag, self._settings)]
        if len(empty) == len(self._bags) and not self._pictures:
            return
        for bag in empty:
            del self._bags[bag]
            self.notes.append(f"{bag}: skipped, it holds no camera frames")

    def read(self, progress: Progress, runner: Runner | None) -> None:
        """Read all sources that have no part yet."""
        settings, folder = self._settings, self._store.folder
        # All bags are checked before the first is read, because reading may take long; but those at URLs are not here.
        tasks = [
            BagTask(bag, folder(key), key, settings, count_frames(bag, settings) if isinstance(bag, Path) else 0)
            for bag, key in self._bags.items()
            if key not in self._done
        ]
        pictures = [(source, key) for source, key in self._pictures.values() if key not in self._done]
        total = sum(task.frames for task in tasks)
        total += sum(len(episode.images) for source, _ in pictures for episode in source.episodes)
        done = 0

        def advance(frames: int) -> None:
            nonlocal done
            done += frames
            progress(done, max(done, total))

        if tasks:
            (runner or _choose_runner(tasks, settings.workers)).run(tasks, advance)
        for source, key in pictures:
            _prepare_pictures(source, key, folder(key), settings, advance)
        keys = [*(task.key for task in tasks), *(key for _, key in pictures)]
        with ThreadPoolExecutor(min(available_cores(), max(1, len(keys)))) as pool:
            opened = list(pool.map(self._store.open, keys))
        for key, part in zip(keys, opened, strict=True):
            if part is None:
                raise DataError(f"{folder(key)} is missing or has changed. Is its disk shared by all machines?")
            self._done[key] = part

    def parts(self) -> list[SourcePart]:
        """The parts of all sources, bags first."""
        bags = [SourcePart(str(bag), True, self._done[key]) for bag, key in self._bags.items()]
        return bags + [SourcePart(str(path), False, self._done[key]) for path, (_, key) in self._pictures.items()]


def _choose_runner(tasks: Sequence[BagTask], workers: int) -> Runner:
    count = min(workers or available_cores(), len(tasks))
    if count == 1 or (
        workers == 0 and all(task.frames for task in tasks) and sum(task.frames for task in tasks) < _WORTH_PROCESSES
    ):
        return InProcess()
    return InProcesses(count)


def _prepare_pictures(
    source: PictureSource, key: str, folder: Path, settings: PrepareSettings, advance: Callable[[int], None]
) -> None:
    with new_part(folder, key, settings.image_size) as part:
        counts = write_pictures(
            source, part.writer, advance, skip_unreadable=settings.skip_unreadable, workers=settings.workers
        )
        part.report = PartReport(
            notes=(*source.notes, *crop_note(counts.sizes)),
            continuous_joints=tuple(source.continuous_joints),
            pictures=counts.read,
            unreadable=counts.unreadable,
        )


def _fingerprint(digests: Sequence[str], settings: PrepareSettings) -> str:
    key = {"format": FORMAT, "bags": list(digests), "settings": settings.key()}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _done_before(out: Path, fingerprint: str, shown: Path | str) -> PrepareReport | None:
    """The report of the data in `out`, if they are complete and have this fingerprint; else None."""
    try:
        table = read_table(out)
        if table["fingerprint"] != fingerprint:
            return None
        PreparedData.open(out)
        return PrepareReport.from_json(table["facts"]["report"], path=shown, already_there=True)
    except (DataError, KeyError, TypeError):
        return None  # damaged, or of an older version: make them again
