from __future__ import annotations

import uuid

from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.demo.live import score_answers


def events(start_ns: int, stop_ns: int, category: str, set_name: str) -> list[EpisodeEvent]:
    identity = str(uuid.uuid4())
    start = EpisodeEvent(identity, start_ns, "start", f"{category}_0001", category, set_name)
    return [start, EpisodeEvent(identity, stop_ns, "stop")]


def answer(stamp: int, label: str) -> EvaluatorAnswer:
    return EvaluatorAnswer(stamp, label, {label: 1.0}, "abc", 3.0)


def test_only_answers_on_frames_of_test_episodes_count() -> None:
    reported = [*events(0, 100, "mug", "online"), *events(100, 200, "lamp", "test"), *events(250, 300, "mug", "test")]
    received = [answer(50, "mug"), answer(100, "lamp"), answer(199, "mug"), answer(220, "lamp"), answer(260, "mug")]
    scored = score_answers(received, reported)
    assert [(one.stamp_ns, one.named, one.truth, one.right) for one in scored] == [
        (100, "lamp", "lamp", True),
        (199, "mug", "lamp", False),
        (260, "mug", "mug", True),
    ]


def test_a_discarded_episode_does_not_count() -> None:
    reported = events(0, 100, "mug", "test")
    reported.append(EpisodeEvent(reported[0].id, 100, "discard"))
    assert score_answers([answer(50, "mug")], reported) == []
