"""Kills a recorder at random moments under load, recovers each bag, and looks for what is missing."""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.benchmarks.load import Process, killed_at_end, start_publisher, start_recorder, stop
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import STORAGES
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.synthetic_load import Load, read_records, streams
from aassl_ros.errors import BagError, ConfigError

HELP = "a recorder killed at random moments under load: bags recovered, and messages lost that were older than 1 s"
_KILLS, _QUICK_KILLS = 100, 10
_SAFE_NS = 1_000_000_000
_LONGEST_S = 6.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, help=f"how many (default: {_KILLS}, with --quick {_QUICK_KILLS})")
    parser.add_argument("--storage", choices=STORAGES, help="only this storage (default: both, in turn)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default: 0)")


@dataclass(frozen=True)
class Killed:
    """One kill. lost: messages older than 1 s that are missing; lost_s: age of the oldest message that is missing."""

    recovered: bool
    consistent: bool
    lost: int
    lost_s: float
    reason: str = ""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench kill` prints."""
    kills = arguments.kills if arguments.kills is not None else _QUICK_KILLS if arguments.quick else _KILLS
    if kills < 1:
        raise ConfigError(f"aassl bench kill: kills = {kills}, expected at least 1.")
    storages = (arguments.storage,) if arguments.storage else STORAGES
    rng = random.Random(arguments.seed)
    load = Load()
    found: dict[str, list[Killed]] = {storage: [] for storage in storages}
    with tempfile.TemporaryDirectory(prefix="aassl-kill-") as folder, own_domain():
        for number in range(kills):
            storage = storages[number % len(storages)]
            found[storage].append(kill_once(Path(folder), load, storage, rng.uniform(0.0, _LONGEST_S)))
    every = [one for kills_of_storage in found.values() for one in kills_of_storage]
    figures: dict[str, Any] = {
        "kills": len(every),
        "recovered": sum(one.recovered for one in every),
        "lost_older_than_1s": sum(one.lost for one in every),
        "ledgers_consistent": sum(one.consistent for one in every),
        "lost_s_most": max(one.lost_s for one in every),
    }
    for storage, those in found.items():
        figures[f"{storage}_kills"] = len(those)
        figures[f"{storage}_lost_s_most"] = max((one.lost_s for one in those), default=0.0)
    if reasons := [one.reason for one in every if one.reason]:
        figures["first_failure"] = reasons[0]
    return figures


def kill_once(folder: Path, load: Load, storage: str, after_s: float) -> Killed:
    """Record a load, kill the recorder after_s seconds after its first message can have arrived, and recover the bag.

    Args:
        folder: where the bag may be; it is removed.
        load: what the robot sends.
        storage: of the bag.
        after_s: time from the moment at which the robot begins to publish, seconds.

    Returns:
        What was recovered and lost.
    """
    bag, out, stamps = folder / "bag", folder / "recovered", folder / "stamps"
    processes: list[Process] = []
    with killed_at_end(processes):
        processes.append(start_publisher(load, stamps))
        processes.append(start_recorder(load, bag, storage=storage))
        publisher, recorder = processes
        assert publisher.stdout is not None
        while "publishing" not in publisher.stdout.readline():
            if publisher.poll() is not None:
                return Killed(False, False, 0, 0.0, "the synthetic robot ended")
        time.sleep(after_s)
        recorder.kill()
        killed_ns = time.time_ns()
        recorder.wait()
        stop(publisher)
    topics = [stream.topic for stream in streams(load)]
    sent: dict[str, list[int]] = {topic: [] for topic in topics}
    for number, stamp_ns in read_records(stamps):
        if stamp_ns <= killed_ns:
            sent[topics[number]].append(stamp_ns)
    try:
        return compare(bag, out, sent, killed_ns)
    finally:
        shutil.rmtree(bag, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)


def compare(bag: Path, out: Path, sent: Mapping[str, Sequence[int]], killed_ns: int) -> Killed:
    """Recover a bag and compare it with the stamps of the messages that were sent to each topic, ns, in order."""
    expected = {topic: stamps[: bisect_left(stamps, killed_ns - _SAFE_NS)] for topic, stamps in sent.items()}
    try:
        recover_bag(bag, out)
    except BagError as error:
        # A recorder that was killed before its first message was due has nothing to recover.
        lost = sum(map(len, expected.values()))
        return Killed(lost == 0, True, lost, _age(sent, {}, killed_ns), str(error) if lost else "")
    written: dict[str, set[int]] = {}
    with BagReader(out) as reader:
        for message in reader.messages([topic for topic in sent if topic in reader.topics], verify=True):
            written.setdefault(message.topic, set()).add(messages.header_stamp_ns(message.data))
        ledger, counts = reader.ledger, {name: topic.message_count for name, topic in reader.topics.items()}
    lost = sum(stamp not in written.get(topic, ()) for topic, stamps in expected.items() for stamp in stamps)
    consistent = ledger is None and not written
    if ledger is not None:
        consistent = all(
            one.written == counts.get(name, 0) and one.received >= one.written for name, one in ledger.topics.items()
        )
    reason = f"{lost} messages older than 1 s are missing" if lost else "" if consistent else "the ledger is wrong"
    return Killed(True, consistent, lost, _age(sent, written, killed_ns), reason)


def _age(sent: Mapping[str, Sequence[int]], written: Mapping[str, set[int]], killed_ns: int) -> float:
    missing = (stamp for topic, stamps in sent.items() for stamp in stamps if stamp not in written.get(topic, ()))
    return max((killed_ns - stamp for stamp in missing), default=0) / 1e9
