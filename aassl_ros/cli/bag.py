"""`aassl bag info|check|label|recover|play|export|import`: show, check, label, recover, publish or convert a bag.

BAG is a folder or a file: .mcap, .db3 or .bag (docs/bags.md). Files NAME_0, NAME_1 are one recording.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aassl_ros.cli import bag_play
from aassl_ros.cli.bag_check import SUMMARY as CHECK_SUMMARY
from aassl_ros.cli.bag_check import add_check_arguments, run_check
from aassl_ros.cli.bag_label import SUMMARY as LABEL_SUMMARY
from aassl_ros.cli.bag_label import add_label_arguments, run_label
from aassl_ros.cli.bag_lerobot import add_export, add_import
from aassl_ros.data.bags.containers import recordings
from aassl_ros.data.bags.labels import labels_path
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovered import Recovered
from aassl_ros.data.bags.recovery import recover_bag, recover_in_place, recovered_path
from aassl_ros.data.interfaces.json_catalogue import SESSION


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _action(actions, "info", "show topics, counts, session and episodes of a bag", _info)
    add_check_arguments(_action(actions, "check", CHECK_SUMMARY, run_check))
    add_label_arguments(_action(actions, "label", LABEL_SUMMARY, run_label))
    recover = _action(
        actions, "recover", "copy the readable messages of a bag that was not closed or is damaged", _recover
    )
    where = recover.add_mutually_exclusive_group()
    where.add_argument("-o", "--out", type=Path, help="the bag to write (default: BAG-recovered)")
    where.add_argument(
        "--in-place", action="store_true", help="put the new bag in BAG's place; the old one is kept as BAG-original"
    )
    bag_play.add_action(actions)
    add_export(actions)
    add_import(actions)


def run(arguments: argparse.Namespace) -> int:
    return int(arguments.act(arguments))


def _action(actions: Any, name: str, summary: str, act: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    several = "+" if name != "recover" else None
    about = "the bag: a folder, or a .mcap, .db3 or .bag file"
    parser.add_argument("bag", type=Path, metavar="BAG", nargs=several, help=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object for each bag, on a line of its own")
    parser.set_defaults(act=act)
    return parser


def _info(arguments: argparse.Namespace) -> int:
    for bag in recordings(arguments.bag):
        _describe(bag, as_json=arguments.json)
    return 0


def _describe(bag: Path | tuple[Path, ...], *, as_json: bool) -> None:
    with BagReader(bag) as reader:
        session, ledger, episodes, labels = reader.session, reader.ledger, reader.episodes(), reader.labels
        recorded = len(episodes if labels is None else reader.recorded_episodes())
        counts = reader.episode_ledgers()
        facts = {
            "bag": str(reader.path),
            "storage": reader.storage,
            "compression": reader.compression,
            "messages": reader.message_count,
            "seconds": reader.duration_s,
            "topics": {name: topic._asdict() for name, topic in reader.topics.items()},
            "labels": None if labels is None else str(labels_path(reader.path)),
            "episodes": [asdict(episode) for episode in episodes],
            "session": None if session is None else {"format": SESSION.version, **asdict(session)},
            "ledger": None if ledger is None else ledger.as_dict(),
            "episode_ledgers": [one.as_dict() for one in counts],
        }
    if as_json:
        print(json.dumps(facts))
        return
    compressed = f", compressed by {reader.compression}" if reader.compression else ""
    print(f"{reader.path}: {reader.storage}{compressed}, {facts['messages']} messages in {facts['seconds']:.1f} s")
    for name, topic in reader.topics.items():
        print(f"  {topic.message_count:8d}  {name}  ({topic.type})")
    if labels is not None:
        told = f"{len(labels)} episodes are those of {labels_path(reader.path)}, not the {recorded} of the recording"
        print(f"  note: {told}")
    for episode in episodes:
        seconds = "open" if episode.stop_ns is None else f"{(episode.stop_ns - episode.start_ns) / 1e9:.1f} s"
        kind = "discarded" if episode.discarded else episode.set
        print(f"  {kind}: {episode.instance} ({episode.category or 'no category'}), {seconds}")
    if session is not None:
        print(f"robot {session.robot}, arm {session.arm or 'unknown'}; recorded by {_versions(session.versions)}")
    if ledger is not None and not ledger.closed:
        print("The recorder did not close this bag. Its last counts:")
    print(ledger.summary() if ledger is not None else "No ledger: not recorded by aassl, or not closed.")
    for line in ledger.topic_lines() if ledger is not None else ():
        print(f"  {line}")
    for one in counts:
        print(f"  episode {one.instance or one.id}: {one.summary()}")


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _recover(arguments: argparse.Namespace) -> int:
    out = arguments.bag if arguments.in_place else arguments.out or recovered_path(arguments.bag)
    counts = recover_in_place(arguments.bag) if arguments.in_place else recover_bag(arguments.bag, out)
    if arguments.json:
        print(json.dumps({"bag": str(out), **asdict(counts), "lossless": counts.lossless}))
    else:
        print(f"{out}: {counts.messages} messages recovered, {_told(counts)}.")
        for note in counts.notes:
            print(f"  {note}")
    return 0 if counts.lossless else 3


def _told(counts: Recovered) -> str:
    """Describe what is missing."""
    if counts.lossless:
        return "nothing is missing"
    discarded = {
        "messages": counts.discarded_messages,
        "damaged chunks": counts.damaged_chunks,
        "other damaged records": counts.damaged_records,
        "bytes of incomplete records": counts.discarded_bytes,
    }
    lost = ", ".join(f"{count} {what}" for what, count in discarded.items() if count)
    end = "" if counts.whole else "; recording stopped before the bag was closed"
    return f"discarded: {lost or 'unknown'}{end}"
