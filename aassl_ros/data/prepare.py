"""Bags to prepared data: each frame of an episode at training size, with the arm's and the object's state."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.bag_frames import BagCounts, BagFrames
from aassl_ros.data.bag_reader import BagReader
from aassl_ros.data.bag_roles import BagRoles, NamedTopics, find_roles
from aassl_ros.data.episodes import Episode
from aassl_ros.data.prepared import FORMAT, TABLE, PreparedData, read_table
from aassl_ros.data.prepared_writer import EpisodeStates, PreparedWriter
from aassl_ros.data.recorded_samples import Comparison
from aassl_ros.errors import DataError
from aassl_ros.settings import setting

_METADATA = "metadata.yaml"
_BAG_FILES = (".mcap", ".db3")
_FINGERPRINT_BYTES = 1 << 16
# Samples are computed by the recorder's own class from the same messages: anything above rounding is a fault.
AGREEMENT = 1e-9


@dataclass(frozen=True)
class PrepareSettings:
    """What is taken from bags; a topic left empty is found by the bag's session, else by its type."""

    image_size: int = setting(64, "Side of the prepared frames, pixels", minimum=8, maximum=1024)
    camera: str = setting("", "Camera's name in the session, or its image topic")
    joint_states: str = setting("", "Topic of the joint states")
    command: str = setting("", "Topic of the commanded trajectories")
    episode: str = setting("", "Topic of the episode events")
    object_pose: str = setting("", "Topic of the object's pose in the camera's frame")
    base_link: str = setting("", "Link of the robot description that the arm stands on")
    tip_link: str = setting("", "Link of the robot description that holds the object")

    def named_topics(self) -> NamedTopics:
        return NamedTopics(**{name: value for name, value in asdict(self).items() if name != "image_size"})


@dataclass(frozen=True)
class PrepareReport:
    """What was prepared. already_there: the folder held these bags' data, nothing was done.

    largest_difference: of computed samples to the recorder's, rad; None where the bags hold no samples of a recorder.
    """

    path: Path
    already_there: bool
    bags: tuple[str, ...]
    episodes: int
    frames_in_bags: int
    frames: int
    outside_episodes: int
    without_sample: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, int] = field(default_factory=dict)
    messages_refused: dict[str, int] = field(default_factory=dict)
    frames_of_set: dict[str, int] = field(default_factory=dict)
    largest_difference: float | None = None
    largest_command_difference: float | None = None
    samples_not_recorded: int = 0
    notes: tuple[str, ...] = ()

    @property
    def lossy(self) -> bool:
        """Whether frames or messages could not be used, or samples differ from the recorder's."""
        differences = (self.largest_difference or 0.0, self.largest_command_difference or 0.0)
        return bool(self.unusable or self.messages_refused or self.samples_not_recorded or max(differences) > AGREEMENT)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "bags": list(self.bags), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, path: Path, already_there: bool) -> PrepareReport:
        lists = {"bags": tuple(values["bags"]), "notes": tuple(values["notes"])}
        return cls(**{**values, **lists, "path": path, "already_there": already_there})


Progress = Callable[[int, int], None]
"""Called with the frames read so far and in all."""


def prepare(
    sources: Sequence[Path],
    out: Path,
    settings: PrepareSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> PrepareReport:
    """Make the folder `out` from bags, or from folders of bags. Done before with the same bags and settings: no work.

    Raises BagError on a bag that is damaged or lacks frames, joints or episodes; DataError where `out` cannot be
    written or no frame would be left. An interruption leaves `out` as it was.
    """
    settings = settings or PrepareSettings()
    bags = find_bags(sources)
    fingerprint = _fingerprint(bags, settings)
    if not force and (out / TABLE).exists():
        done = _done_before(out, fingerprint)
        if done is not None:
            return done
    with ExitStack() as stack:
        writer = stack.enter_context(PreparedWriter(out, settings.image_size))
        opened: list[tuple[BagReader, BagRoles]] = []
        for bag in bags:  # all before the first is read, which may take long
            reader = stack.enter_context(BagReader(bag))
            opened.append((reader, find_roles(reader, settings.named_topics())))
        return _read_all(opened, writer, settings, fingerprint, progress)


def find_bags(sources: Sequence[Path]) -> list[Path]:
    """The bags among `sources` and directly inside them, each once, in order. Raises DataError where one holds none."""
    bags: list[Path] = []
    for source in sources:
        if not source.exists():
            raise DataError(f"{source} does not exist. Give bags, or folders of bags.")
        found = [source] if _is_bag(source) else sorted(path for path in _children(source) if _is_bag(path))
        if not found:
            raise DataError(f"{source} holds no bag (no {_METADATA}). Record one with aassl collect -o {source}.")
        bags += found
    return list({path.resolve(): path for path in bags}.values())


def _children(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _is_bag(path: Path) -> bool:
    """Also a bag that was never closed: reading it then says how to recover it."""
    return path.is_dir() and any(file.name == _METADATA or file.suffix in _BAG_FILES for file in path.iterdir())


def _read_all(
    opened: list[tuple[BagReader, BagRoles]],
    writer: PreparedWriter,
    settings: PrepareSettings,
    fingerprint: str,
    progress: Progress,
) -> PrepareReport:
    total = sum(reader.topics[roles.camera_topic].message_count for reader, roles in opened)
    counts, comparisons, notes = BagCounts(), [], []
    frames_of_set: Counter[str] = Counter()
    continuous: list[str] = []
    done = 0

    def advance(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    episodes = 0
    seen = _SeenEpisodes()
    for reader, roles in opened:
        bag = BagFrames(reader, roles, settings.image_size)
        bag.read(writer.append_frames, advance)
        for episode, states in bag.episodes():
            seen.add(reader.path, episode, states)
            key = (episode.robot, episode.id, episode.instance, episode.category or "", episode.set)
            writer.add_episode(*key, states)
            frames_of_set[episode.set] += len(np.asarray(states.stamps_ns))
            episodes += 1
        counts.add(bag.counts)
        comparisons.append(bag.recorded.compare())
        notes += [f"{reader.path}: {note}" for note in bag.notes]
        continuous += bag.continuous_joints
    if not counts.kept:
        raise DataError(_nothing_left([reader for reader, _ in opened], counts))
    report = PrepareReport(
        path=writer.path,
        already_there=False,
        bags=tuple(str(reader.path) for reader, _ in opened),
        episodes=episodes,
        frames_in_bags=counts.frames,
        frames=counts.kept,
        outside_episodes=counts.outside_episodes,
        without_sample=dict(counts.without_sample),
        unusable=dict(counts.unusable),
        messages_refused=dict(counts.messages_refused),
        frames_of_set=dict(frames_of_set),
        **_largest(comparisons),
        notes=tuple(notes),
    )
    facts = {"report": report.to_json(), "settings": asdict(settings)}
    writer.finish(fingerprint, continuous_joints=continuous, facts=facts)
    return report


class _SeenEpisodes:
    """Finds a recording given twice, as a bag and its recovered copy. An episode split between bags is in order."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[int, int, Path]]] = {}

    def add(self, bag: Path, episode: Episode, states: EpisodeStates) -> None:
        """Raises DataError where another bag has frames of this episode at the same stamps."""
        stamps = np.asarray(states.stamps_ns)
        first, last = int(stamps[0]), int(stamps[-1])
        found = self._found.setdefault((episode.robot, episode.id), [])
        for other_first, other_last, other in found:
            if other != bag and first <= other_last and other_first <= last:
                raise DataError(f"{other} and {bag} hold the same episode {episode.id}. Leave one out.")
        found.append((first, last, bag))


def _largest(comparisons: list[Comparison]) -> dict[str, Any]:
    return {
        "largest_difference": max((c.position for c in comparisons if c.position is not None), default=None),
        "largest_command_difference": max((c.command for c in comparisons if c.command is not None), default=None),
        "samples_not_recorded": sum(c.missing for c in comparisons),
    }


def _nothing_left(readers: list[BagReader], counts: BagCounts) -> str:
    names = ", ".join(str(reader.path) for reader in readers)
    reasons = {"outside any episode": counts.outside_episodes, **counts.without_sample, **counts.unusable}
    found = ", ".join(f"{reason}: {count}" for reason, count in reasons.items() if count)
    return f"{names}: none of {counts.frames} frames can be used ({found}). Record episodes with aassl collect."


def _done_before(out: Path, fingerprint: str) -> PrepareReport | None:
    """The report of the data in `out` if they are whole and of this fingerprint."""
    try:
        table = read_table(out)
        if table["fingerprint"] != fingerprint:
            return None
        PreparedData.open(out)
        return PrepareReport.from_json(table["facts"]["report"], path=out, already_there=True)
    except (DataError, KeyError, TypeError):
        return None  # damaged, or of an older version: made anew


def _fingerprint(bags: Sequence[Path], settings: PrepareSettings) -> str:
    """Of the bags' contents and the settings, wherever the bags lie. Raises DataError where two bags are the same.

    Names, sizes and both ends of each file: an MCAP file ends in an index with checksums of all before.
    """
    digests: dict[str, Path] = {}
    for bag in bags:
        digest = hashlib.sha256()
        for file in sorted(bag.iterdir()):
            if file.name == _METADATA or file.suffix in _BAG_FILES:
                digest.update(f"{file.suffix} {file.stat().st_size} ".encode())
                with file.open("rb") as stream:
                    digest.update(stream.read(_FINGERPRINT_BYTES))
                    stream.seek(max(0, file.stat().st_size - _FINGERPRINT_BYTES))
                    digest.update(stream.read(_FINGERPRINT_BYTES))
        same = digests.setdefault(digest.hexdigest(), bag)
        if same is not bag:
            raise DataError(f"{same} and {bag} hold the same recording. Leave one out.")
    key = {"format": FORMAT, "bags": list(digests), "settings": asdict(settings)}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
