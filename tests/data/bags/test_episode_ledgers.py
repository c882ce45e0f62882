"""The ledger of each episode: in the bag while it grows, and read back."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from aassl_ros.cli.main import main
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.session import Session
from aassl_ros.data.streams.topic_counts import TRANSPORT, EpisodeCounts, TopicCounts

MS = 1_000_000
SECOND = 1000 * MS
IMAGE = "/camera/image_raw"


def event(identity: int, kind: str, stamp_ns: int) -> str:
    values: dict[str, Any] = {"id": f"00000000-0000-0000-0000-00000000000{identity}", "stamp": stamp_ns, "event": kind}
    return json.dumps(values | ({"instance": f"mug_{identity}"} if kind == "start" else {}))


def send(recording: Recording, streams: Any, seconds: float, events: dict[int, str]) -> None:
    """Streams of the fixture, with these events by time of receipt instead of its own."""
    waiting = sorted(events.items())
    for one in streams.stream(seconds):
        while waiting and waiting[0][0] <= one.stamp_ns:
            log_ns, text = waiting.pop(0)
            recording.add_topic("/episode", messages.STRING)
            recording.receive("/episode", log_ns, log_ns, messages.encode_string(text))
        if one.type != messages.STRING:
            recording.add_topic(one.topic, one.type)
            recording.receive(one.topic, one.stamp_ns + MS, one.stamp_ns, one.data)


def test_each_message_counts_for_the_episode_of_its_stamp_though_the_event_comes_later(
    tmp_path: Path, session: Session, streams: Any
) -> None:
    recording = Recording(tmp_path / "bag", session)
    events = {
        2 * SECOND: event(1, "start", int(1.5 * SECOND)),  # half a second late
        3 * SECOND: event(1, "stop", int(2.5 * SECOND)),
        4 * SECOND: event(2, "start", 4 * SECOND),
    }
    send(recording, streams, 6.0, events)
    recording.lose(IMAGE, 3, TRANSPORT, 5 * SECOND)
    ledger = recording.close()
    with BagReader(tmp_path / "bag") as reader:
        first, second = reader.episode_ledgers()
        frames = [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])]
    of_first = [stamp for stamp in frames if 1.5 * SECOND <= stamp < 2.5 * SECOND]
    assert (first.instance, first.closed, first.stop_ns) == ("mug_1", True, int(2.5 * SECOND))
    assert first.frames_with_sample == first.topics[IMAGE].written == len(of_first)
    assert first.topics["/joint_states"].rate_hz == pytest.approx(100, rel=0.01)
    assert first.bracket_ms_median == first.bracket_ms_max == 10.0
    assert first.topics[IMAGE].lost == 0
    assert second.topics[IMAGE].causes == {TRANSPORT: 3}
    assert second.frames_with_sample == len([stamp for stamp in frames if stamp >= 4 * SECOND])
    assert ledger.topics[IMAGE].causes == {TRANSPORT: 3}
    assert ledger.topics[IMAGE].rate_hz == pytest.approx(30, rel=0.02)


def test_a_bag_that_was_not_closed_has_the_ledger_of_its_episodes(
    tmp_path: Path, session: Session, streams: Any
) -> None:
    recording = Recording(tmp_path / "bag", session)
    send(recording, streams, 8.5, {SECOND + MS: event(1, "start", SECOND), 4 * SECOND: event(1, "stop", 4 * SECOND)})
    deadline = time.monotonic() + 60
    while not recording.ledger.frames_written > 200 and time.monotonic() < deadline:  # the last frames wait for ever
        time.sleep(0.01)
    copy = tmp_path / "killed"
    copy.mkdir()
    while recording.episode is not None and time.monotonic() < deadline:  # until the first episode is final
        time.sleep(0.01)
    (copy / "killed_0.mcap").write_bytes((tmp_path / "bag" / "bag_0.mcap").read_bytes())
    recording.close()
    recover_bag(copy, tmp_path / "recovered")
    with BagReader(tmp_path / "recovered") as reader:
        (counts,) = reader.episode_ledgers()
        stamps = [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])]
    assert counts.closed
    assert counts.frames_with_sample == len([stamp for stamp in stamps if stamp < 4 * SECOND]) > 80


def test_the_counts_of_an_episode_survive_their_json() -> None:
    counts = EpisodeCounts("an id", "mug", 5, frames_without_sample={"joint missing": 2})
    counts.topics["/image"] = TopicCounts("Image", received=4, written=3)
    assert EpisodeCounts.from_json(counts.to_json()) == counts


def test_bag_info_tells_every_topic_and_episode(
    make_bag: Any, streams: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = make_bag(streams.stream(2.0))
    assert main(["bag", "info", str(bag)]) == 0
    said = capsys.readouterr().out
    assert "/joint_states: " in said
    assert "100 Hz" in said
    assert "episode mug_0001: 60 frames with sample" in said
    assert main(["bag", "info", str(bag), "--json"]) == 0
    (counts,) = json.loads(capsys.readouterr().out)["episode_ledgers"]
    assert counts["topics"][IMAGE]["written"] == 60
