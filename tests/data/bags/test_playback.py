"""Playing a bag: order, times, /clock, steps and parts, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_streams import SECOND, record, stream

from aassl_ros.data.bags.playback import Playback, PlaySettings
from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.errors import BagError, ConfigError

CAMERA, JOINTS = "/camera/image_raw", "/joint_states"


class Output:
    """Keeps what is played, with the time; sleeping takes exactly as long as asked for."""

    def __init__(self) -> None:
        self.time = 100.0
        self.messages: list[tuple[float, BagMessage]] = []
        self.clocks: list[tuple[float, int]] = []

    def publish(self, message: BagMessage) -> None:
        self.messages.append((self.time, message))

    def clock(self, time_ns: int) -> None:
        self.clocks.append((self.time, time_ns))

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def bag(tmp_path: Path) -> Iterator[BagReader]:
    with BagReader(record(tmp_path / "bag", stream(2.0))) as reader:
        yield reader


def played(reader: BagReader, **settings: object) -> Output:
    output = Output()
    Playback(reader, PlaySettings(**settings)).play(output, now=output.now, sleep=output.sleep)  # type: ignore[arg-type]
    return output


@pytest.mark.parametrize("rate", [1.0, 4.0])
def test_messages_are_played_at_their_times_divided_by_the_rate(bag: BagReader, rate: float) -> None:
    output = played(bag, rate=rate)
    assert len(output.messages) > 200
    for at, message in output.messages:
        assert at - 100.0 == pytest.approx((message.log_ns - bag.start_ns) / 1e9 / rate, abs=1e-6)
    recorded = [message for message in bag.messages() if not message.topic.startswith("/recorder/")]
    assert [message for _, message in output.messages] == recorded


def test_the_clock_ticks_with_the_time_of_the_bag(bag: BagReader) -> None:
    output = played(bag, rate=2.0, clock_hz=50.0)
    for at, time_ns in output.clocks:
        assert time_ns == pytest.approx(bag.start_ns + (at - 100.0) * 2.0 * SECOND, abs=1000)
    assert len(output.clocks) == pytest.approx(bag.duration_s / 2 * 50, abs=2)
    # Time never goes back, and no message is played before the clock of its receipt has nearly been reached.
    assert output.clocks == sorted(output.clocks)
    assert played(bag, clock_hz=0.0).clocks == []


def test_a_late_player_leaves_out_ticks_but_no_message(bag: BagReader) -> None:
    output, playback = Output(), Playback(bag, PlaySettings())
    publish = output.publish

    def slow(message: BagMessage) -> None:
        publish(message)
        output.time += 0.02

    output.publish = slow  # type: ignore[method-assign]
    result = playback.play(output, now=output.now, sleep=output.sleep)
    assert result.messages == len(output.messages) == len(played(bag).messages)
    assert result.late_s > 1.0
    assert len(output.clocks) < 2 * bag.duration_s * 100


def test_the_recorders_own_topics_are_not_played(bag: BagReader) -> None:
    assert any(name.startswith("/recorder/sample/") for name in bag.topics)
    assert not any(name.startswith("/recorder/") for name in Playback(bag, PlaySettings()).topics)


def test_a_part_begins_with_the_latched_messages_before_it(bag: BagReader) -> None:
    output = played(bag, start_s=1.0, seconds=0.5, topics=("/episode", CAMERA))
    messages = [message for _, message in output.messages]
    events = [message for message in bag.messages(["/episode"]) if message.log_ns < bag.start_ns + SECOND]
    assert events
    assert messages[: len(events)] == events
    frames = [(message.log_ns - bag.start_ns) / 1e9 for message in messages if message.topic == CAMERA]
    assert min(frames) >= 1.0
    assert max(frames) <= 1.5
    assert len(frames) == pytest.approx(15, abs=1)


def test_a_step_is_one_camera_frame_with_the_messages_before_it(bag: BagReader) -> None:
    output, answers, asked = Output(), iter((1, 3, 0)), []

    def ask(steps: int, seconds: float) -> int:
        asked.append((steps, sum(message.topic == CAMERA for _, message in output.messages)))
        return next(answers)

    result = Playback(bag, PlaySettings()).step(output, ask)
    assert asked == [(0, 0), (1, 1), (4, 4)]
    assert result.messages == len(output.messages)
    assert [time_ns for _, time_ns in output.clocks] == [message.log_ns for _, message in output.messages]


def test_without_images_a_step_is_one_message(bag: BagReader) -> None:
    output, answers = Output(), iter((2, 0))
    Playback(bag, PlaySettings(topics=(JOINTS,))).step(output, lambda steps, seconds: next(answers))
    assert len(output.messages) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"topics": ("/camra",)}, "--topics: /camra is not in .*aassl bag info shows its topics"),
        ({"start_s": 60.0}, r"--start-s 60: the bag has only \d\.\d+ s"),
    ],
)
def test_wrong_wishes_are_one_line(bag: BagReader, settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Playback(bag, PlaySettings(**settings))  # type: ignore[arg-type]


def test_an_empty_bag_is_one_line(tmp_path: Path) -> None:
    with (
        BagReader(record(tmp_path / "bag", [])) as reader,
        pytest.raises(BagError, match="has no message to play"),
    ):
        Playback(reader, PlaySettings())
