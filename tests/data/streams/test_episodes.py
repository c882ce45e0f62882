from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams.episodes import SETS, EpisodeEvent, EpisodeTracker
from aassl_ros.errors import DataError

PRINTABLE = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
FIRST, SECOND, THIRD = (str(uuid.UUID(int=number)) for number in (1, 2, 3))


def start(identity: str, stamp_ns: int, instance: str = "mug_0001") -> EpisodeEvent:
    return EpisodeEvent(identity, stamp_ns, "start", instance, "mug", "train")


def stop(identity: str, stamp_ns: int) -> EpisodeEvent:
    return EpisodeEvent(identity, stamp_ns, "stop")


def tracker(*events: EpisodeEvent) -> EpisodeTracker:
    made = EpisodeTracker("left")
    for event in events:
        made.add(event)
    return made


def instance_at(episodes: EpisodeTracker, stamp_ns: int) -> str | None:
    episode = episodes.at(stamp_ns)
    return None if episode is None else episode.instance


@given(
    identity=st.uuids().map(str),
    stamp=st.integers(0, 2**62),
    instance=st.text(PRINTABLE, min_size=1, max_size=512),
    category=st.none() | st.text(PRINTABLE, min_size=1, max_size=512),
    name=st.sampled_from(SETS),
)
def test_an_event_survives_its_json(identity: str, stamp: int, instance: str, category: str | None, name: str) -> None:
    event = EpisodeEvent(identity, stamp, "start", instance, category, name)
    assert EpisodeEvent.parse(event.to_json()) == event


def test_a_stop_needs_only_id_stamp_and_event() -> None:
    assert EpisodeEvent.parse(json.dumps({"id": FIRST, "stamp": 5, "event": "stop"})) == stop(FIRST, 5)


def test_a_frame_belongs_from_start_to_before_stop() -> None:
    episodes = tracker(start(FIRST, 10), stop(FIRST, 20))
    assert [instance_at(episodes, stamp) for stamp in (9, 10, 19, 20)] == [None, "mug_0001", "mug_0001", None]
    assert episodes.episodes[0].robot == "left"


def test_a_running_episode_contains_all_later_frames() -> None:
    assert instance_at(tracker(start(FIRST, 10)), 10**18) == "mug_0001"


def test_a_discarded_episode_contains_no_frame_but_stays_listed() -> None:
    episodes = tracker(start(FIRST, 10), EpisodeEvent(FIRST, 15, "discard"))
    assert instance_at(episodes, 12) is None
    assert episodes.episodes[0].discarded


def test_an_episode_can_be_discarded_after_its_stop() -> None:
    episodes = tracker(start(FIRST, 10), stop(FIRST, 20), EpisodeEvent(FIRST, 30, "discard"))
    assert (instance_at(episodes, 12), episodes.episodes[0].stop_ns) == (None, 20)


def test_a_start_ends_an_episode_whose_stop_is_missing() -> None:
    episodes = tracker(start(FIRST, 10, "mug_0001"), start(SECOND, 20, "cup_0002"))
    assert [instance_at(episodes, stamp) for stamp in (19, 20)] == ["mug_0001", "cup_0002"]
    assert episodes.episodes[0].stop_ns == 20


def test_a_stop_received_after_the_next_start_still_ends_its_episode_at_its_stamp() -> None:
    episodes = tracker(start(FIRST, 10, "mug_0001"), start(SECOND, 20, "cup_0002"), stop(FIRST, 15))
    assert [instance_at(episodes, stamp) for stamp in (14, 15, 20)] == ["mug_0001", None, "cup_0002"]


def test_repeated_events_change_nothing() -> None:
    events = [start(FIRST, 10), stop(FIRST, 20), start(SECOND, 30), stop(SECOND, 40)]
    assert tracker(*events, *events).episodes == tracker(*events).episodes


def test_starts_received_out_of_order_are_sorted() -> None:
    episodes = tracker(start(SECOND, 30, "b"), start(FIRST, 10, "a"), stop(FIRST, 20), start(THIRD, 50, "c"))
    assert [episode.instance for episode in episodes.episodes] == ["a", "b", "c"]
    assert [instance_at(episodes, stamp) for stamp in (15, 25, 35, 55)] == ["a", None, "b", "c"]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([stop(FIRST, 5)], "never started"),
        ([EpisodeEvent(FIRST, 5, "discard")], "never started"),
        ([start(FIRST, 10), stop(FIRST, 5)], "before it starts"),
        ([start(FIRST, 10), start(FIRST, 20)], "started again"),
    ],
)
def test_events_that_contradict_each_other_are_refused(events: list[EpisodeEvent], said: str) -> None:
    with pytest.raises(DataError, match=said):
        tracker(*events)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "mug"}, "id = 'mug', expected a UUID"),
        ({"id": None}, "expected a UUID"),
        ({"stamp": 1.5}, "stamp = 1.5, expected an integer of nanoseconds"),
        ({"stamp": -1}, "expected an integer of nanoseconds"),
        ({"stamp": True}, "expected an integer of nanoseconds"),
        ({"event": "begin"}, "expected one of start, stop, discard"),
        ({"instance": ""}, "expected an object's name"),
        ({"category": 3}, "category = 3, expected a category's name"),
        ({"set": "training"}, "set = 'training', expected one of train, online, test, disjoint"),
    ],
)
def test_the_error_of_a_wrong_event_names_the_key(change: dict[str, object], said: str) -> None:
    values = {"id": FIRST, "stamp": 5, "event": "start", "instance": "a", "category": "b", "set": "train"} | change
    with pytest.raises(DataError, match=said):
        EpisodeEvent.parse(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "start"])
def test_a_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        EpisodeEvent.parse(text)
