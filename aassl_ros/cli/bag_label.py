"""`aassl bag label BAG`: give the episodes of a bag their objects after the recording, or mark episodes in it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from aassl_ros.data.bags.containers import recordings
from aassl_ros.data.bags.frame_times import UNITS, FrameTimes
from aassl_ros.data.bags.label_table import COLUMNS, LabelRow, read_label_table
from aassl_ros.data.bags.labelling import Label, Labelling
from aassl_ros.data.bags.labels import labels_path, remove_labels, write_labels
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces.json_catalogue import SETS
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.errors import BagError, ConfigError

SUMMARY = "give episodes their object, category and set after the recording, or mark episodes in a bag without any"
EPILOG = """Frames are numbered from 0. Seconds count from the first frame. STOP is not included; an empty START or STOP
means that end of the bag. The labels are written to labels.json in the bag's folder (FILE.labels.json beside a single
file) and replace the recorded episodes. The bag does not change."""


def add_label_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `aassl bag label`."""
    which = parser.add_argument_group("which episodes").add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="list the episodes with their numbers (default)")
    which.add_argument("--episode", metavar="EPISODE", help="an episode: its number in the list, or its id")
    for unit in UNITS:
        which.add_argument(f"--{unit}", metavar="START:STOP", help=f"a range of {unit}, which becomes an episode")
    columns = f"one row for each episode; columns: {', '.join(COLUMNS)}"
    which.add_argument("--csv", type=Path, metavar="FILE", help=f"a table of labels, {columns}")
    label = parser.add_argument_group("label")
    label.add_argument("--instance", metavar="NAME", help="the object")
    label.add_argument("--category", metavar="NAME", help='its category; "": none')
    label.add_argument("--set", choices=SETS, help="instance set (of a new episode: train)")
    use = label.add_mutually_exclusive_group()
    use.add_argument("--discard", dest="discarded", action="store_true", default=None, help="do not use the episode")
    use.add_argument("--keep", dest="discarded", action="store_false", help="use a discarded episode again")
    change = parser.add_argument_group("other changes")
    change.add_argument("--split", metavar="SECONDS", help="split --episode at this time after the first frame")
    change.add_argument("--replace", action="store_true", help="remove the episodes that a new range overlaps")
    change.add_argument("--remove", action="store_true", help="remove --episode; without it, all labels of the bag")
    parser.add_argument("--camera", default="", help="name or topic of the camera whose frames are counted")
    parser.epilog = None
    parser.description = f"{SUMMARY.capitalize()}. {' '.join(EPILOG.split())}"


def run_label(arguments: argparse.Namespace) -> int:
    """Run `aassl bag label`. All changes are checked before the first file is written."""
    label = Label(arguments.instance, arguments.category, arguments.set, arguments.discarded)
    bags = recordings(arguments.bag)
    first = {bag if isinstance(bag, Path) else bag[0]: bag for bag in bags}
    spans = [(unit, text) for unit in UNITS if (text := getattr(arguments, unit)) is not None]
    _check_use(arguments, label, ranged=bool(spans), several=len(first) > 1)
    if arguments.remove and arguments.episode is None:
        for path in first:
            there = remove_labels(path)
            print(f"{path}: {'labels removed' if there else 'it has no labels'}.")
        return 0
    rows = read_label_table(arguments.csv) if arguments.csv else []
    _check_bags(rows, list(first))
    changed: list[tuple[Path, Labelling, FrameTimes]] = []
    for path, bag in first.items():
        with BagReader(bag) as reader:
            frames = FrameTimes.read(reader, arguments.camera)
            labelling = Labelling(frames, reader.episodes(), str(path))
        _apply(labelling, frames, arguments, spans, label, [row for row in rows if row.bag in ("", path.name)])
        changed.append((path, labelling, frames))
    changes = bool(arguments.csv or spans or arguments.episode)
    for path, labelling, frames in changed:
        if changes:
            write_labels(path, labelling.episodes)
        _show(path, labelling.episodes, frames, as_json=arguments.json)
    return 0


def _check_use(arguments: argparse.Namespace, label: Label, *, ranged: bool, several: bool) -> None:
    named = arguments.episode is not None
    if not (named or ranged) and not (label.empty and arguments.split is None):
        raise ConfigError("aassl bag label: a label without episode. Give --episode or a range (--seconds START:STOP).")
    if named and label.empty and arguments.split is None and not arguments.remove:
        raise ConfigError("aassl bag label: --episode without a change. Give --instance, --category, --set, ...")
    if arguments.split is not None and (not named or not label.empty or arguments.remove):
        raise ConfigError("aassl bag label: --split needs --episode alone. Label both parts afterwards.")
    if arguments.remove and (arguments.csv or ranged or not label.empty or arguments.list):
        raise ConfigError("aassl bag label: --remove takes no other change than --episode.")
    if named and several:
        raise ConfigError("aassl bag label: --episode is of one bag, several were given. Use --csv with a column bag.")


def _check_bags(rows: Sequence[LabelRow], paths: Sequence[Path]) -> None:
    names = [path.name for path in paths]
    for row in rows:
        if row.bag not in ("", *names):
            raise BagError(f"{row.where}: bag = {row.bag!r}, expected one of {', '.join(names)}.")
        if not row.bag and len(names) > 1:
            raise BagError(f"{row.where}: several bags were given, but the column bag is missing or empty.")
    if len(set(names)) < len(names) and rows:
        raise BagError("Two bags have the same name: label them one by one.")


def _apply(
    labelling: Labelling,
    frames: FrameTimes,
    arguments: argparse.Namespace,
    spans: Sequence[tuple[str, str]],
    label: Label,
    rows: Sequence[LabelRow],
) -> None:
    for unit, text in spans:
        labelling.add(frames.span(text, unit), label, replacing=arguments.replace)
    if arguments.episode is not None:
        episode = labelling.find(arguments.episode)
        if arguments.remove:
            labelling.remove(episode)
        elif arguments.split is not None:
            labelling.split(episode, frames.stamp_of(arguments.split, "seconds"))
        else:
            labelling.change(episode, label)
    # Numbers of episodes mean those of the list before this command, so they are all found before the first change.
    found = [(row, _in_row(row, labelling)) for row in rows]
    given: list[tuple[int, int, str]] = []
    for row, known in found:
        try:
            if known is not None:
                labelling.change(known, row.label)
                continue
            span = frames.span(row.range, row.unit)
            if clash := next((where for start, stop, where in given if start < span[1] and span[0] < stop), ""):
                raise BagError(f"the range {row.range} overlaps that of {clash}.")
            given.append((*span, row.where))
            labelling.add(span, row.label, replacing=arguments.replace)
        except BagError as error:
            raise BagError(f"{row.where}: {error}") from error


def _in_row(row: LabelRow, labelling: Labelling) -> Episode | None:
    try:
        return labelling.find(row.episode) if row.episode else None
    except BagError as error:
        raise BagError(f"{row.where}: {error}") from error


def _show(path: Path, episodes: Iterable[Episode], frames: FrameTimes, *, as_json: bool) -> None:
    there = labels_path(path).is_file()
    if as_json:
        labels = str(labels_path(path)) if there else None
        print(json.dumps({"bag": str(path), "labels": labels, "episodes": [asdict(one) for one in episodes]}))
        return
    told = list(episodes)
    source = f"from {labels_path(path)}" if there else "as recorded"
    print(f"{path}: {len(frames.stamps_ns)} frames in {frames.seconds:.1f} s, {len(told)} episodes, {source}")
    if not told:
        print("  Mark one: aassl bag label BAG --seconds START:STOP --instance NAME --category NAME")
    for number, one in enumerate(told, start=1):
        stop_ns = one.stop_ns or frames.end_ns
        span = f"{frames.seconds_of(one.start_ns):9.3f} to {frames.seconds_of(stop_ns):9.3f} s"
        use = "discarded" if one.discarded else one.set
        count = frames.count(one.start_ns, stop_ns)
        named = f"{one.instance} ({one.category or 'no category'})"
        print(f"  {number:3d}  {span}  {count:6d} frames  {use:9s}  {named}  {one.id}")
