"""What the recorder publishes on diagnostics and logs."""

from __future__ import annotations

from collections.abc import Iterator

from aassl_ros.data.bags.pre_record import WAITING, PreRecordRing
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams.publishers import MIXED
from aassl_ros.ros import diagnostics
from aassl_ros.ros.topic_subscriber import TopicSubscriber


def waiting_report(ring: PreRecordRing | None, silent: str) -> diagnostics.Report:
    """Return the status of a recorder without an open bag. silent: a missing input; empty if all arrive."""
    if ring is None:
        return diagnostics.Report(diagnostics.OK, "not recording")
    level, message = (diagnostics.ERROR, silent) if silent else (diagnostics.OK, WAITING)
    return diagnostics.Report(level, message, {"in_memory_s": ring.seconds, "in_memory_mb": ring.mb})


def recording_report(recording: Recording, silent: str) -> diagnostics.Report:
    """Return the counts and the most severe problem of a recorder that records. silent: as above."""
    ledger = recording.ledger
    level, message = diagnostics.OK, f"{ledger.frames_written} frames written"
    if recording.error is not None:
        level, message = diagnostics.ERROR, str(recording.error)
    elif silent:
        level, message = diagnostics.ERROR, silent
    elif recording.space.low:
        level, message = diagnostics.WARN, recording.space.low
    elif ledger.lossy:
        level, message = diagnostics.WARN, ledger.summary()
    values = {"bag": recording.path, "disk_free_mb": recording.space.free_mb, **ledger.numbers()}
    if recording.episode is not None:
        values["episode"] = f"{recording.episode.instance}: {recording.episode.summary()}"
    return diagnostics.Report(level, message, values)


def new_problems(recording: Recording, joints: TopicSubscriber, said: set[str]) -> Iterator[str]:
    """Yield the problems of the ledger that are not in `said`, and add them. joints: that of the joint states."""
    for problem in recording.ledger.problems():
        if problem not in said:
            said.add(problem)
            yield f"{recording.path}: there are {problem}; the diagnostics count them."
    for warning in recording.ledger.warnings:
        if warning not in said:
            said.add(warning)
            yield warning
            if warning.startswith(MIXED):
                yield f"{warning}. {joints.name} is published by {joints.publisher_names}."
