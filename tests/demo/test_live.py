from __future__ import annotations

import uuid

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.demo.live import live_reliability, score_answers


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


def test_the_confidence_of_live_answers_is_compared_with_the_truth_and_unknown_does_not_count() -> None:
    received = [
        EvaluatorAnswer(10, "mug", {"mug": 0.95, "lamp": 0.05}, "abc", 3.0),
        EvaluatorAnswer(20, "lamp", {"lamp": 0.95}, "abc", 3.0),
        EvaluatorAnswer(30, UNKNOWN, {"mug": 0.95}, "abc", 3.0),
    ]
    scored = [one.to_json() for one in score_answers(received, events(0, 100, "mug", "test"))]
    diagram = live_reliability(scored)
    assert diagram.answers.tolist() == [0] * 9 + [2]
    assert diagram.accuracy[9] == 0.5
    older = [{key: value for key, value in one.items() if key != "confidence"} for one in scored]
    assert live_reliability(older).answers.sum() == 0
