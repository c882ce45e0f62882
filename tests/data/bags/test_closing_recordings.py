from __future__ import annotations

import gc
import resource
import time
import weakref
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.closing_recordings import ClosingRecordings
from aassl_ros.data.bags.file_settings import FileSettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session

SECOND = 1_000_000_000


class Waiting:
    """Bags that were split off, and what was reported when they closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.failed: list[str] = []
        self.bags = ClosingRecordings(
            ["/joint_states", "/command"],
            closed=lambda recording, summary: self.closed.append(f"{recording.path.name}: {summary}"),
            failed=self.failed.append,
        )


def test_a_bag_that_waits_gets_joint_states_of_a_topic_found_later_and_nothing_else(
    tmp_path: Path, session: Session
) -> None:
    waiting = Waiting()
    waiting.bags.add(Recording(tmp_path / "bag", session), timeout_s=60.0)
    data = messages.encode_joint_state(SECOND, ["a"], [0.5])
    for topic in ("/joint_states", "/other"):
        waiting.bags.add_topic(topic, messages.JOINT_STATE)
        waiting.bags.receive(topic, SECOND, SECOND, data)
    waiting.bags.close_all()

    assert waiting.failed == []
    assert [text.partition(":")[0] for text in waiting.closed] == ["bag"]
    with BagReader(tmp_path / "bag") as reader:
        assert [message.data for message in reader.messages(["/joint_states"])] == [data]
        assert "/other" not in reader.topics


def test_a_bag_closes_when_its_time_is_over_or_all_are_closed_and_then_gets_no_more(
    tmp_path: Path, session: Session, streams: Any
) -> None:
    waiting = Waiting()
    for name, timeout_s in (("late", -1.0), ("first", 60.0), ("second", 60.0)):
        recording = Recording(tmp_path / name, session)
        recording.add_topic("/camera/image_raw", messages.IMAGE)
        # A frame without joint states: its sample never comes.
        recording.receive("/camera/image_raw", SECOND, SECOND, streams.image_cdr(SECOND))
        waiting.bags.add(recording, timeout_s)
    until = time.monotonic() + 60
    while not waiting.closed and time.monotonic() < until:
        waiting.bags.close_settled()
        time.sleep(0.01)
    assert [text.partition(":")[0] for text in waiting.closed] == ["late"]
    waiting.bags.close_all()
    assert [text.partition(":")[0] for text in waiting.closed] == ["late", "first", "second"]
    waiting.bags.receive("/joint_states", SECOND, SECOND, b"")


def test_a_closed_bag_leaves_nothing_in_memory(tmp_path: Path, session: Session) -> None:
    waiting, parts = Waiting(), []
    gc.collect()
    gc.disable()  # what is freed below is freed because the bags are closed
    try:
        for number in range(2):
            recording = Recording(tmp_path / f"bag{number}", session)
            recording.add_topic("/joint_states", messages.JOINT_STATE)
            recording.receive("/joint_states", SECOND, SECOND, messages.encode_joint_state(SECOND, ["a"], [0.5]))
            parts.append(weakref.ref(recording._sampler))
            waiting.bags.add(recording, timeout_s=-1.0)
        del recording
        until = time.monotonic() + 60
        while len(waiting.closed) < 2 and time.monotonic() < until:
            waiting.bags.close_settled()
            time.sleep(0.01)
        assert len(waiting.closed) == 2
        assert [part() for part in parts] == [None, None]
    finally:
        gc.enable()


def test_an_error_of_one_bag_is_reported_and_the_others_are_closed(tmp_path: Path, session: Session) -> None:
    waiting = Waiting()
    full = Recording(tmp_path / "full", session, file=FileSettings(min_free_mb=0.0))
    sound = Recording(tmp_path / "sound", session, file=FileSettings(min_free_mb=0.0))
    for recording in (full, sound):
        waiting.bags.add(recording, timeout_s=60.0)
    full.add_topic("/text", messages.STRING)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limits[1]))
    try:
        for number in range(50):
            full.receive("/text", SECOND + number, 0, messages.encode_string("x" * 100_000))
        waiting.bags.close_all()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert len(waiting.failed) == 1
    assert "File too large" in waiting.failed[0]
    assert [text.partition(":")[0] for text in waiting.closed] == ["sound"]
