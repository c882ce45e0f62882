"""The objects to handle, in order, and the episode events that tell of it."""

from __future__ import annotations

import pytest

from aassl_ros.data.streams.episodes import EpisodeTracker
from aassl_ros.data.streams.schedule import Schedule, ScheduledObject
from aassl_ros.errors import ConfigError

SECOND = 1_000_000_000
MUG, BOWL = ScheduledObject.parse("train:mug_0003"), ScheduledObject.parse("test:bowl_0001")


def test_an_object_is_read_with_its_set_and_category():
    assert ScheduledObject("train", "mug_0003", "mug") == MUG
    assert ScheduledObject.parse("online:grandmas:cup") == ScheduledObject("online", "grandmas", "cup")


@pytest.mark.parametrize("text", ["mug_0003", "evil:mug_0003", "train:", "train:a:b:c", ""])
def test_an_object_of_another_format_is_refused(text):
    with pytest.raises(ConfigError, match="expected SET:INSTANCE"):
        ScheduledObject.parse(text)


def test_objects_are_handled_one_after_the_other_for_exactly_their_time():
    schedule, tracker = Schedule([MUG, BOWL], 2 * SECOND), EpisodeTracker()
    for expected in (MUG, BOWL):
        assert schedule.take() == expected
        start = schedule.start(10 * SECOND * (schedule.handled + 1))
        tracker.add(start)
        assert schedule.stop_if_due(start.stamp_ns + 2 * SECOND - 1) is None
        tracker.add(schedule.stop_if_due(start.stamp_ns + 2 * SECOND + 5_000_000))
    assert schedule.take() is None
    assert [(e.instance, e.category, e.set, e.stop_ns - e.start_ns) for e in tracker.episodes] == [
        ("mug_0003", "mug", "train", 2 * SECOND),
        ("bowl_0001", "bowl", "test", 2 * SECOND),
    ]
    assert schedule.handled == 2


def test_an_interrupted_episode_is_discarded_and_its_object_is_taken_again():
    schedule, tracker = Schedule([MUG, BOWL], 2 * SECOND), EpisodeTracker()
    schedule.take()
    tracker.add(schedule.start(SECOND))
    tracker.add(schedule.interrupt(2 * SECOND))
    assert tracker.episodes[0].discarded
    assert schedule.take() == MUG
    assert (schedule.handled, schedule.discarded) == (0, 1)


def test_an_object_without_a_started_episode_is_taken_again_without_an_event():
    schedule = Schedule([MUG, BOWL], 2 * SECOND)
    schedule.take()
    assert schedule.interrupt(SECOND) is None
    assert schedule.take() == MUG


def test_an_episode_stopped_early_keeps_its_frames():
    schedule = Schedule([MUG], 2 * SECOND)
    schedule.take()
    start = schedule.start(SECOND)
    stop = schedule.stop_early(2 * SECOND)
    assert (stop.event, stop.id, stop.stamp_ns) == ("stop", start.id, 2 * SECOND)
    assert schedule.stop_early(3 * SECOND) is None


def test_an_episode_stopped_before_its_first_frame_is_discarded():
    schedule = Schedule([MUG], 2 * SECOND)
    schedule.take()
    schedule.start(5 * SECOND)
    assert schedule.stop_early(4 * SECOND).event == "discard"
