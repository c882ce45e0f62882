"""A trainer that keeps no frame says why."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings
from aassl_ros.learning.online.intake_watch import IntakeWatch

FRAME = np.zeros((32, 32, 3), np.uint8)
ID = "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11"


def run(filler: BufferFiller, watch: IntakeWatch, begin_s: float, seconds: float, position: float) -> list[str]:
    """Frames at 30 Hz and joint states at 100 Hz; returns what the watch says once a second."""
    said = []
    for tick in range(round(100 * seconds)):
        stamp_ns = round((begin_s + tick / 100) * 1e9)
        filler.add_joint_state(stamp_ns, ("wrist",), [position], [], [])
        if tick % 3 == 0:
            filler.add_frame(stamp_ns - 5_000_000, FRAME)
        filler.settle()
        if tick % 100 == 0:
            said.append(watch.look(begin_s + tick / 100, filler.report()))
    return said


@pytest.fixture
def filler() -> BufferFiller:
    filler = BufferFiller(BufferFillerSettings(), SyncSettings(), 32)
    filler.add_episode(EpisodeEvent(ID, 10**9, "start", "mug_1", "mug").to_json())
    return filler


def test_joint_states_that_are_not_finite_are_named_until_they_are_finite_again(filler: BufferFiller) -> None:
    watch = IntakeWatch()
    said = run(filler, watch, 1.0, 13.0, float("nan"))
    assert said[:10] == [""] * 10
    assert said[-1].startswith("none of ")
    assert "joint states were dropped: are they finite" in said[-1]
    assert run(filler, watch, 14.0, 6.0, 0.5)[-1] == ""
    assert filler.counts.kept > 60


def test_frames_that_are_kept_are_no_problem(filler: BufferFiller) -> None:
    assert set(run(filler, IntakeWatch(), 1.0, 25.0, 0.5)) == {""}


def test_a_clock_that_is_set_back_is_told_each_time_and_other_warnings_once(filler: BufferFiller) -> None:
    watch = IntakeWatch()
    run(filler, watch, 30.0, 3.0, 0.5)
    assert watch.warnings(filler.counts, filler.clock_restarts) == []
    run(filler, watch, 2.0, 3.0, 0.5)
    (told,) = watch.warnings(filler.counts, filler.clock_restarts)
    assert "was set back" in told
    run(filler, watch, 5.0, 12.0, 0.5)
    told = watch.warnings(filler.counts, filler.clock_restarts)
    assert [text for text in told if "was set back" in text] == []


def test_frames_outside_episodes_are_no_problem_because_nothing_is_handled() -> None:
    filler = BufferFiller(BufferFillerSettings(), SyncSettings(), 32)
    assert set(run(filler, IntakeWatch(), 1.0, 25.0, 0.5)) == {""}
