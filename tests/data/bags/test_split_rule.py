"""When a recorder continues in a new bag."""

from __future__ import annotations

import uuid

from aassl_ros.data.bags.split_rule import SplitRule, SplitSettings
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent

SECOND = 1_000_000_000
KB = bytes(1000)


def event(identity: str, kind: str) -> bytes:
    return messages.encode_string(EpisodeEvent(identity, 1, kind, "mug_0001", "mug").to_json())


def splits(rule: SplitRule, *sent: tuple[str, float, bytes]) -> list[tuple[int, str]]:
    """The messages, by number, that begin a new bag, each with the reason. Times are in seconds."""
    found = ((n, rule.due(topic, round(at * SECOND), data)) for n, (topic, at, data) in enumerate(sent))
    return [(number, reason) for number, reason in found if reason]


def test_a_bag_is_split_before_it_exceeds_its_size() -> None:
    rule = SplitRule(SplitSettings(split_mb=0.01), "/episode")
    frames = [("/image", 1 + n / 30, KB) for n in range(20)]
    assert splits(rule, *frames) == [(9, "it holds 0.01 MB"), (18, "it holds 0.01 MB")]


def test_an_image_counts_as_large_as_it_is_in_the_bag() -> None:
    rule = SplitRule(SplitSettings(split_mb=0.01), "/episode")
    due = [n for n in range(40) if rule.due("/image", (30 + n) * SECOND // 30, KB, size=300)]
    assert due == [28]


def test_one_message_larger_than_the_size_makes_no_empty_bag() -> None:
    rule = SplitRule(SplitSettings(split_mb=0.0005), "/episode")
    assert splits(rule, *[("/image", 1.0, KB)] * 3) == [(1, "it holds 0.0005 MB"), (2, "it holds 0.0005 MB")]


def test_a_bag_is_split_by_the_time_of_receipt() -> None:
    rule = SplitRule(SplitSettings(split_s=1.0), "/episode")
    frames = [("/image", 0.0, KB)] + [("/image", 10 + n / 2, KB) for n in range(5)]  # the first: no /clock yet
    assert splits(rule, *frames) == [(3, "it holds 1 s"), (5, "it holds 1 s")]


def test_a_split_waits_for_the_end_of_the_episode_and_its_late_frames() -> None:
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    rule = SplitRule(SplitSettings(split_s=1.0, split_inside_episode=False), "/episode")
    sent = [
        ("/episode", 1.0, event(one, "start")),
        ("/image", 3.0, KB),
        ("/episode", 4.0, event(one, "stop")),
        ("/image", 4.4, KB),  # taken before the stop
        ("/image", 4.6, KB),
        ("/episode", 5.0, event(two, "start")),
        ("/image", 8.0, KB),
        ("/episode", 8.1, event(two, "discard")),
        ("/episode", 8.2, event(str(uuid.uuid4()), "start")),  # at once: the new bag begins with it
    ]
    assert splits(rule, *sent) == [(4, "it holds 1 s"), (8, "it holds 1 s")]


def test_a_bag_holds_as_many_episodes_as_asked_and_repeated_events_count_once() -> None:
    names = [str(uuid.uuid4()) for _ in range(5)]
    rule = SplitRule(SplitSettings(split_episodes=2), "/episode")
    sent = []
    for second, name in enumerate(names):
        sent += [("/episode", second + 1.0, event(name, "start"))] * 2 + [("/image", second + 1.2, KB)]
        sent += [("/episode", second + 1.5, event(name, "stop"))]
    assert splits(rule, *sent) == [(8, "it holds 2 episodes"), (16, "it holds 2 episodes")]
    assert not rule.is_current(event(names[0], "start"))
    assert rule.is_current(event(names[4], "stop"))


def test_what_is_no_event_is_only_a_message() -> None:
    rule = SplitRule(SplitSettings(split_episodes=1), "/episode")
    assert splits(rule, *[("/episode", 1.0, messages.encode_string("no json")), ("/episode", 2.0, b"\0\1")] * 3) == []
    assert not rule.is_current(b"")
