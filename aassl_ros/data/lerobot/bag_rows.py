"""Decides which frame of each camera, joint state and command belong to which row of the dataset."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.roles import BagRoles
from aassl_ros.data.lerobot import rows as grid
from aassl_ros.data.lerobot.bag_scan import Scan, scan_bag
from aassl_ros.data.lerobot.layout import Joints
from aassl_ros.data.lerobot.settings import ExportCounts, ExportSettings
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.data.streams.sample import Sample
from aassl_ros.errors import BagError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Segment:
    """Rows of one episode without a long gap: one LeRobot episode.

    pictures: int64 [R, C], for each camera which of its messages is shown. stamps_ns: int64 [R, C], of these pictures.
    filled: bool [R]. state: float64 [R, J]; action: float64 [R, A]; commanded: bool [R].
    """

    episode: Episode
    pictures: Ints
    stamps_ns: Ints
    filled: Flags
    state: Floats
    action: Floats
    commanded: Flags

    def part(self, rows: slice) -> Segment:
        """Some of the rows."""
        names = ("pictures", "stamps_ns", "filled", "state", "action", "commanded")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True)
class BagRows:
    """The rows of a bag. cameras: name -> topic, the first one sets the rows. sizes: height and width of each."""

    roles: BagRoles
    cameras: dict[str, str]
    sizes: dict[str, tuple[int, int]]
    fps: int
    joints: Joints
    segments: tuple[Segment, ...]
    counts: ExportCounts
    robot_description: str = ""
    notes: tuple[str, ...] = ()


def read_rows(reader: BagReader, settings: ExportSettings, fps: int) -> BagRows:
    """Decide on the rows of a bag.

    Args:
        reader: the open bag.
        settings: of the export.
        fps: rows per second; 0 means the rate of the first camera.

    Raises:
        BagError: a role is not clear, the clock was set back, or nothing can be exported.
    """
    scan = scan_bag(reader, settings)
    counts = ExportCounts(left_out=scan.without_sample, messages_refused=scan.refused)
    segments: list[Segment] = []
    joints = Joints((), ())
    if scan.samples:
        fps = fps or max(1, round(grid.usual_rate(np.array(scan.first.stamps, np.int64))))
        commands = next((sample.command_names for sample in scan.samples[::-1] if sample.command is not None), ())
        # The list of names only grows while a bag is read, so the last sample has all names.
        states = scan.samples[-1].joint_names
        joints = Joints(states, commands or states)
        if not commands:
            scan.notes.append("it holds no commands: action is the joint positions of the next row")
        segments = _Rows(scan, counts, settings.max_fill, fps, joints, bool(commands)).segments(reader.path.stem)
        counts.uncommanded = int(sum((~segment.commanded).sum() for segment in segments)) if commands else 0
    if not segments:
        why = ", ".join(f"{reason}: {count}" for reason, count in counts.left_out.items())
        raise BagError(f"{reader.path}: no frame of {scan.first.topic} can be exported ({why or 'there is none'}).")
    counts.rows = sum(len(segment.filled) for segment in segments)
    counts.filled = int(sum(segment.filled.sum() for segment in segments))
    counts.episodes = len(segments)
    return BagRows(
        roles=scan.roles,
        cameras={name: camera.topic for name, camera in scan.cameras.items()},
        sizes=scan.sizes,
        fps=fps,
        joints=joints,
        segments=tuple(segments),
        counts=counts,
        robot_description=scan.robot_description,
        notes=tuple(scan.notes),
    )


class _Rows:
    """Makes the segments of a bag."""

    def __init__(
        self, scan: Scan, counts: ExportCounts, max_fill: int, fps: int, joints: Joints, commanded: bool
    ) -> None:
        self._scan, self._counts, self._max_fill, self._fps = scan, counts, max_fill, fps
        self._joints, self._commanded = joints, commanded

    def segments(self, name: str) -> list[Segment]:
        """The segments in order. name: of the bag, for its only episode if it has no events."""
        groups: list[tuple[Episode, list[Sample]]] = []
        for episode, sample in self._in_episodes(name):
            if groups and groups[-1][0].id == episode.id:
                groups[-1][1].append(sample)
            else:
                groups.append((episode, [sample]))
        made: list[Segment] = []
        for episode, samples in groups:
            parts = self._parts(episode, samples)
            self._counts.split += max(0, len(parts) - 1)
            made += parts
        return _forward_only(made)

    def _in_episodes(self, name: str) -> list[tuple[Episode, Sample]]:
        samples, tracker = self._scan.samples, self._scan.episodes
        if tracker is None:
            start_ns = samples[0].stamp_ns
            identity = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {start_ns}"))
            whole = Episode(self._scan.roles.session.robot, identity, name, None, "train", start_ns)
            self._scan.notes.append(f"it holds no episode events: the whole bag is one episode, of instance {name}")
            return [(whole, sample) for sample in samples]
        found = [(episode, sample) for sample in samples if (episode := tracker.at(sample.stamp_ns)) is not None]
        if len(found) < len(samples):
            self._counts.left_out["outside any episode"] += len(samples) - len(found)
        return found

    def _parts(self, episode: Episode, samples: list[Sample]) -> list[Segment]:
        """The rows of one episode, without long gaps and without rows of which something is not known."""
        stamps = np.array([sample.stamp_ns for sample in samples], np.int64)
        stretches = grid.place_frames(stamps, self._fps, self._max_fill)
        placed = sum(len(np.unique(stretch.frames)) for stretch in stretches)
        self._leave_out(f"more than {self._fps} per second", len(samples) - placed)
        found: list[Segment] = []
        for stretch in stretches:
            rows, fresh = self._rows(episode, stretch, samples, stamps)
            complete = np.isfinite(rows.state).all(axis=1) & np.isfinite(rows.action).all(axis=1)
            self._leave_out("not all joints are known", int((~complete).sum()))
            self._leave_out("no picture of another camera near them", int((complete & ~fresh).sum()))
            found += [rows.part(part) for part in grid.runs(complete & fresh)]
        self._leave_out("alone between gaps", sum(len(rows.filled) < 2 for rows in found))
        return [rows for rows in found if len(rows.filled) > 1]

    def _rows(
        self, episode: Episode, stretch: grid.Stretch, samples: list[Sample], stamps: Ints
    ) -> tuple[Segment, Flags]:
        """The rows of a stretch, and whether the pictures of all cameras are near in time."""
        shown = [samples[frame] for frame in stretch.frames]
        positions = [(sample.joint_names, sample.position) for sample in shown]
        state = _columns(positions, self._joints.state)
        if self._commanded:
            action = _columns([(sample.command_names, sample.command) for sample in shown], self._joints.action)
            known = np.asarray(np.isfinite(action).all(axis=1), np.bool_)
            # A joint without a command holds its position.
            action = np.where(np.isfinite(action), action, _columns(positions, self._joints.action))
        else:
            action, known = np.concatenate([state[1:], state[-1:]]), np.zeros(len(state), np.bool_)
        pictures, picture_stamps, fresh = self._pictures(stretch, [sample.frame for sample in shown], stamps)
        return Segment(episode, pictures, picture_stamps, stretch.filled, state, action, known), fresh

    def _pictures(self, stretch: grid.Stretch, numbers: Sequence[int], stamps: Ints) -> tuple[Ints, Ints, Flags]:
        """The message and stamp of each camera's picture in each row, and whether all are near the row's time."""
        own = stamps[stretch.frames]
        times = np.maximum.accumulate(np.where(stretch.filled, stretch.times_ns, own))
        shown, shown_stamps, fresh = [np.array(numbers, np.int64)], [own], np.ones(len(own), np.bool_)
        for camera in list(self._scan.cameras.values())[1:]:
            theirs = np.array(camera.stamps, np.int64)
            chosen = grid.nearest(theirs, times)
            shown.append(np.array(camera.numbers, np.int64)[chosen])
            shown_stamps.append(theirs[chosen])
            # A camera may be slower than the rows; what counts as a gap is the same as for the first camera.
            period_s = max(1 / self._fps, 1 / (grid.usual_rate(theirs) or self._fps))
            limit_ns = (self._max_fill / self._fps + period_s) * 1e9
            fresh &= np.abs(theirs[chosen] - times) <= limit_ns
        return np.stack(shown, axis=1), np.stack(shown_stamps, axis=1), fresh

    def _leave_out(self, why: str, count: int) -> None:
        if count:
            self._counts.left_out[why] += count


def _columns(rows: Sequence[tuple[tuple[str, ...], Floats | None]], names: tuple[str, ...]) -> Floats:
    """The values of the named joints, float64 [n, J]; NaN where a row does not hold the joint."""
    table = np.full((len(rows), len(names)), np.nan)
    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for row, (held, values) in enumerate(rows):
        if values is None:
            continue
        if held not in places:
            places[held] = [(names.index(name), place) for place, name in enumerate(held) if name in names]
        for column, place in places[held]:
            if place < len(values):
                table[row, column] = values[place]
    return table


def _forward_only(segments: list[Segment]) -> list[Segment]:
    """Make sure that no camera goes back to an earlier message, so that a bag is read once."""
    if not segments:
        return segments
    pictures = np.maximum.accumulate(np.concatenate([segment.pictures for segment in segments]), axis=0)
    stamps = np.maximum.accumulate(np.concatenate([segment.stamps_ns for segment in segments]), axis=0)
    ends = np.cumsum([len(segment.filled) for segment in segments])[:-1]
    return [
        replace(segment, pictures=part, stamps_ns=stamp)
        for segment, part, stamp in zip(segments, np.split(pictures, ends), np.split(stamps, ends), strict=True)
    ]
