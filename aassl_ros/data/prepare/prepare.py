"""Converts bags and folders of pictures to prepared data: all frames of episodes at training size, with states."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recorded_samples import Comparison
from aassl_ros.data.bags.roles import BagRoles, find_roles, has_frames
from aassl_ros.data.pictures.pictures import PictureCounts, PictureSource, write_pictures
from aassl_ros.data.prepare.bag_frames import BagCounts, BagFrames
from aassl_ros.data.prepare.report import PrepareReport, PrepareSettings
from aassl_ros.data.prepare.sources import find_sources, fingerprints
from aassl_ros.data.prepared.data import FORMAT, TABLE, PreparedData, read_table
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter, refuse_to_replace
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.errors import DataError

Progress = Callable[[int, int], None]
"""Called with the number of frames read so far, and the total."""


def prepare(
    sources: Sequence[Path],
    out: Path,
    settings: PrepareSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> PrepareReport:
    """Make prepared data from bags and picture folders.

    Does nothing if `out` already contains the data of the same sources and settings. An interruption leaves `out` as
    it was.

    Args:
        sources: bags, picture folders, published data sets, or folders that contain them.
        out: the folder to make.
        settings: the defaults if None.
        force: make the data again even if they exist.
        progress: called with the number of frames read so far, and the total.

    Returns:
        The counts of what was prepared and what was not used.

    Raises:
        BagError: a bag is damaged or lacks frames, joints or episodes.
        DataError: `out` cannot be written, pictures or their table are wrong, or no frame can be used.
    """
    settings = settings or PrepareSettings()
    found = find_sources(sources, settings)
    key = {"format": FORMAT, "bags": fingerprints(found, settings), "settings": settings.key()}
    fingerprint = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    if not force and (out / TABLE).exists():
        done = _done_before(out, fingerprint)
        if done is not None:
            return done
        refuse_to_replace(out, drawn=True)
    with ExitStack() as stack:
        writer = stack.enter_context(PreparedWriter(out, settings.image_size))
        readers = [stack.enter_context(BagReader(bag)) for bag in found.bags]
        # A bag without frames is an error if the user named it. In a folder of bags it is skipped.
        empty = [reader for reader in readers if reader.path not in sources and not has_frames(reader)]
        if len(empty) == len(readers) and not found.pictures:
            empty = []
        named = settings.named_topics()  # check all bags before the first is read, because reading may take long
        opened = [(reader, find_roles(reader, named)) for reader in readers if reader not in empty]
        notes = [f"{reader.path}: skipped, it holds no camera frames" for reader in empty]
        return _read_all(opened, found.pictures, writer, settings, fingerprint, progress, notes)


def _read_all(
    opened: list[tuple[BagReader, BagRoles]],
    sources: Sequence[PictureSource],
    writer: PreparedWriter,
    settings: PrepareSettings,
    fingerprint: str,
    progress: Progress,
    notes: Sequence[str],
) -> PrepareReport:
    total = sum(reader.topics[roles.camera_topic].message_count for reader, roles in opened)
    total += sum(len(episode.images) for source in sources for episode in source.episodes)
    done = 0

    def advance(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    bags = _BagsRead()
    for reader, roles in opened:
        bags.read(reader, roles, settings, writer, advance)
    pictures = PictureCounts()
    for source in sources:
        pictures.add(
            write_pictures(source, writer, advance, skip_unreadable=settings.skip_unreadable, workers=settings.workers)
        )
    if not writer.frames_written:
        raise DataError(_nothing_left([reader.path for reader, _ in opened], sources, bags.counts, pictures))
    report = PrepareReport(
        path=writer.path,
        already_there=False,
        bags=tuple(str(reader.path) for reader, _ in opened),
        episodes=bags.episodes + pictures.episodes,
        frames_in_bags=bags.counts.frames,
        frames=writer.frames_written,
        outside_episodes=bags.counts.outside_episodes,
        without_sample=dict(bags.counts.without_sample),
        unusable=dict(bags.counts.unusable),
        messages_refused=dict(bags.counts.messages_refused),
        frames_of_set=dict(bags.frames_of_set + Counter(pictures.frames_of_set)),
        **_largest(bags.comparisons),
        notes=tuple([*notes, *bags.notes, *(f"{source.path}: {note}" for source in sources for note in source.notes)]),
        folders=tuple(str(source.path) for source in sources),
        pictures=pictures.read,
        unreadable=pictures.unreadable,
        publishers_mixed=bags.counts.publishers_mixed,
    )
    continuous = [*bags.continuous, *(name for source in sources for name in source.continuous_joints)]
    facts = {"report": report.to_json(), "settings": asdict(settings)}
    writer.finish(fingerprint, continuous_joints=continuous, facts=facts)
    return report


@dataclass
class _BagsRead:
    """The sums over all bags."""

    episodes: int = 0
    counts: BagCounts = field(default_factory=BagCounts)
    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames_of_set: Counter[str] = field(default_factory=Counter)
    continuous: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen = _SeenEpisodes()

    def read(
        self,
        reader: BagReader,
        roles: BagRoles,
        settings: PrepareSettings,
        writer: PreparedWriter,
        advance: Callable[[int], None],
    ) -> None:
        bag = BagFrames(reader, roles, settings.image_size, settings.sync_changes())
        bag.read(writer.append_frames, advance)
        for episode, states in bag.episodes():
            self._seen.add(reader.path, episode, states)
            key = (episode.robot, episode.id, episode.instance, episode.category or "", episode.set)
            writer.add_episode(*key, states)
            self.frames_of_set[episode.set] += len(np.asarray(states.stamps_ns))
            self.episodes += 1
        self.counts.add(bag.counts)
        self.comparisons.append(bag.recorded.compare())
        self.notes += [f"{reader.path}: {note}" for note in bag.notes]
        self.continuous += bag.continuous_joints


class _SeenEpisodes:
    """Finds a recording that was given twice, for example a bag and its recovered copy.

    An episode that is split between bags is allowed.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[int, int, Path]]] = {}

    def add(self, bag: Path, episode: Episode, states: EpisodeStates) -> None:
        """Add an episode. Raises DataError if another bag has frames of it at the same time."""
        stamps = np.asarray(states.stamps_ns)
        first, last = int(stamps[0]), int(stamps[-1])
        found = self._found.setdefault((episode.robot, episode.id), [])
        for other_first, other_last, other in found:
            if other != bag and first <= other_last and other_first <= last:
                raise DataError(f"{other} and {bag} hold the same episode {episode.id}. Remove one of them.")
        found.append((first, last, bag))


def _largest(comparisons: list[Comparison]) -> dict[str, Any]:
    return {
        "largest_difference": max((c.position for c in comparisons if c.position is not None), default=None),
        "largest_command_difference": max((c.command for c in comparisons if c.command is not None), default=None),
        "samples_not_recorded": sum(c.missing for c in comparisons),
    }


def _nothing_left(bags: list[Path], sources: Sequence[PictureSource], counts: BagCounts, found: PictureCounts) -> str:
    names = ", ".join(str(path) for path in [*bags, *(source.path for source in sources)])
    reasons = {
        "outside any episode": counts.outside_episodes,
        **counts.without_sample,
        **counts.unusable,
        "unreadable": found.unreadable,
    }
    why = ", ".join(f"{reason}: {count}" for reason, count in reasons.items() if count)
    total = counts.frames + found.read
    advice = "; ".join(dict.fromkeys(counts.hints)) or "Record episodes with aassl collect"
    return f"{names}: none of {total} frames can be used ({why}). {advice[0].upper()}{advice[1:]}."


def _done_before(out: Path, fingerprint: str) -> PrepareReport | None:
    """The report of the data in `out`, if they are complete and have this fingerprint; else None."""
    try:
        table = read_table(out)
        if table["fingerprint"] != fingerprint:
            return None
        PreparedData.open(out)
        return PrepareReport.from_json(table["facts"]["report"], path=out, already_there=True)
    except (DataError, KeyError, TypeError):
        return None  # damaged, or of an older version: make them again
