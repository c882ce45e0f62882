"""Log lines of the trainer until its first checkpoint."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.learning.online.status import OnlineStatus, Saved
from aassl_ros.nodes.first_minutes import FirstMinutes


def status(state: str, line: str, *, step: int = 0, saved: Saved | None = None) -> OnlineStatus:
    return OnlineStatus(state, line, step, None, 0.0, 0.0, 0, saved)


def test_the_first_message_of_each_topic_is_logged_once() -> None:
    reported = FirstMinutes((), 0.0)
    assert reported.hear("/joint_states") == ["receiving /joint_states."]
    assert reported.hear("/joint_states") == []
    assert reported.hear("/episode") == ["receiving /episode."]


def test_each_half_minute_it_names_what_it_waits_for_and_the_topics_without_messages() -> None:
    reported = FirstMinutes(("/camera/image_raw", "/episode"), 100.0)
    reported.hear("/camera/image_raw")
    waiting = status("waiting", "waiting for frames (3 of 500)")
    assert reported.report(waiting, 3, 1, 129.9) == []
    line = "waiting for frames (3 of 500); step 0, no checkpoint yet. No message yet on: /episode."
    assert reported.report(waiting, 3, 1, 130.0) == [line]
    assert reported.report(waiting, 3, 1, 159.9) == []
    reported.hear("/episode")
    assert reported.report(waiting, 3, 1, 160.0) == [line.removesuffix(" No message yet on: /episode.")]


def test_it_reports_once_that_training_has_started_and_nothing_after_the_first_checkpoint() -> None:
    reported = FirstMinutes((), 0.0)
    learning = status("learning", "learning, loss 4.100", step=2)
    assert reported.report(learning, 510, 16, 1.0) == ["training started with 510 frames of 16 episodes."]
    assert reported.report(learning, 520, 16, 31.0) == ["learning, loss 4.100; step 2, no checkpoint yet."]
    saved = status("learning", "learning, loss 4.000", step=9, saved=Saved(Path("run"), "digest", 9))
    assert reported.report(saved, 600, 20, 900.0) == []
