"""Checks a bag: all messages can be read, none was dropped, and the samples agree with the raw streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.ledger import TopicCounts
from aassl_ros.data.streams.sampling import FrameSampler
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import BagError


def check_bag(path: Path | Sequence[Path]) -> list[str]:
    """Check a bag.

    Args:
        path: the folder of the bag, its file, or its files.

    Returns:
        One line for each problem; empty if the bag has none.

    Raises:
        BagError: there is no bag that can be opened.
    """
    with BagReader(path) as reader:
        try:
            return _check(reader)
        except BagError as error:
            return [str(error)]


def _check(reader: BagReader) -> list[str]:
    findings = []
    counts = Counter(message.topic for message in reader.messages(verify=True))
    for name, topic in reader.topics.items():
        for said in {topic.message_count, reader.declared_counts.get(name, topic.message_count)}:
            if counts[name] != said:
                findings.append(f"{name}: {counts[name]} messages read, expected {said}.")
    session, ledger = reader.session, reader.ledger
    if session is None:
        return [*findings, "No session: aassl's recorder did not make it. Name its topics when you prepare it."]
    for camera, name in session.roles.cameras.items():
        if counts[name] == 0:
            findings.append(f"No frames of camera {camera!r} on {name}.")
    if counts[session.roles.joint_states] == 0:
        findings.append(f"No joint states on {session.roles.joint_states}.")
    if ledger is None or not ledger.closed:
        findings.append("The recorder did not close the bag: the last messages may be missing.")
    elif ledger.lossy:
        findings.append(f"The recorder lost data: {ledger.summary()}")
    return findings + _compare_samples(reader, session)


def _compare_samples(reader: BagReader, session: Session) -> list[str]:
    """Compute the samples again from the raw streams. Each must be in the bag, byte for byte."""
    sampler = FrameSampler(session, SyncSettings.of_session(session, reader.path))
    sampler.ledger.topics = {name: TopicCounts(topic.type) for name, topic in reader.topics.items()}
    own = {session.topic(name) for camera in session.roles.cameras for name in topics.sample_topics(camera)}
    recorded: set[tuple[str, bytes]] = set()
    made: set[tuple[str, bytes]] = set()
    for message in reader.messages():
        if message.topic in own:
            recorded.add((message.topic, message.data))
        else:
            sampler.take(message.topic, message.log_ns, message.data)
            made.update(sampler.samples())
    sampler.flush()
    made.update(sampler.samples())
    findings = sampler.ledger.warnings
    if made == recorded:
        return findings
    where = min(messages.header_stamp_ns(data) for _, data in made ^ recorded)
    return [
        *findings,
        f"{len(made - recorded)} samples computed from the raw streams are not in the bag, and "
        f"{len(recorded - made)} samples in the bag are not among the computed ones (first at stamp {where} ns).",
    ]
