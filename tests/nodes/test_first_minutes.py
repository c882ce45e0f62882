"""What the trainer says until its first checkpoint."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.learning.online.online_trainer import OnlineStatus, Saved
from aassl_ros.nodes.first_minutes import FirstMinutes


def status(state: str, line: str, *, step: int = 0, saved: Saved | None = None) -> OnlineStatus:
    return OnlineStatus(state, line, step, None, 0.0, 0.0, 0, saved)


def test_each_stream_is_told_once() -> None:
    told = FirstMinutes((), 0.0)
    assert told.hear("/joint_states") == ["/joint_states is heard."]
    assert told.hear("/joint_states") == []
    assert told.hear("/episode") == ["/episode is heard."]


def test_each_half_minute_it_says_what_is_waited_for_and_what_is_not_heard() -> None:
    told = FirstMinutes(("/camera/image_raw", "/episode"), 100.0)
    told.hear("/camera/image_raw")
    waiting = status("waiting", "waiting for frames (3 of 500)")
    assert told.report(waiting, 3, 1, 129.9) == []
    line = "waiting for frames (3 of 500); step 0, no checkpoint yet. Not heard yet: /episode."
    assert told.report(waiting, 3, 1, 130.0) == [line]
    assert told.report(waiting, 3, 1, 159.9) == []
    told.hear("/episode")
    assert told.report(waiting, 3, 1, 160.0) == [line.removesuffix(" Not heard yet: /episode.")]


def test_it_says_once_that_learning_begins_and_is_silent_after_the_first_checkpoint() -> None:
    told = FirstMinutes((), 0.0)
    learning = status("learning", "learning, loss 4.100", step=2)
    assert told.report(learning, 510, 16, 1.0) == ["learning begins, with 510 frames of 16 episodes."]
    assert told.report(learning, 520, 16, 31.0) == ["learning, loss 4.100; step 2, no checkpoint yet."]
    saved = status("learning", "learning, loss 4.000", step=9, saved=Saved(Path("run"), "digest", 9))
    assert told.report(saved, 600, 20, 900.0) == []
