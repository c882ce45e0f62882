"""`aassl bench online`: what is computed from its measurements, and a short run with all processes."""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path

import pytest

from aassl_ros.benchmarks import online
from aassl_ros.benchmarks.core_time import Pace, busiest_thread, mark_trainer, pace_alone
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.learning.compute.thread_priority import lower_priority

MS = 1_000_000
OFFLINE = Pace(steps=20, wall_s=10.0, ran_s=9.0, queued_s=0.0)


def live(answered: list[int], skipped: list[int]) -> online.Live:
    """Ten frames, 33 ms apart, of which some are answered after 20 ms."""
    sent_ns = [1000 * MS + 33 * MS * number for number in range(10)]
    answers = [
        (EvaluatorAnswer(sent_ns[number], "mug", skipped=count), sent_ns[number] + 20 * MS)
        for number, count in zip(answered, skipped, strict=True)
    ]
    pace = Pace(steps=9, wall_s=10.0, ran_s=4.5, queued_s=5.0)
    return online.Live(pace, sent_ns, answers, {"frames": 1, "joint_states": 2}, kept=9, saves=1)


def test_rates_are_compared_for_the_time_in_which_a_core_was_to_be_had() -> None:
    figures = online.figures(OFFLINE, live([0, 1, 2], [0, 0, 0]))
    assert figures["step_ratio"] == pytest.approx((9 / 5) / (20 / 10))
    assert figures["dropped"] == 3
    assert figures["answered"] == pytest.approx(0.3)
    assert figures["answer_ms_p99"] == pytest.approx(20)


def test_skipped_frames_are_compared_with_what_the_evaluator_says() -> None:
    assert online.skips(live([1, 2, 5, 8], [7, 0, 2, 2])) == (4, 4)
    assert online.skips(live([1, 2, 5, 8], [0, 0, 2, 0])) == (4, 2)


def test_the_training_thread_is_found_by_its_niceness() -> None:
    ids: list[int] = []
    found, done = threading.Event(), threading.Event()

    def work() -> None:
        lower_priority(7)
        ids.append(threading.get_native_id())
        found.set()
        done.wait()

    thread = threading.Thread(target=work)
    thread.start()
    found.wait()
    try:
        assert busiest_thread(os.getpid(), 7) == ids[0]
    finally:
        done.set()
        thread.join()


def test_a_thread_that_sleeps_was_given_a_core_and_used_none() -> None:
    pace = pace_alone(lambda: time.sleep(0.02), 0.2, nice=0)
    assert pace.steps >= 1
    assert pace.ran_s < 0.5 * pace.wall_s
    assert pace.per_core_s >= pace.per_s


def test_a_mark_is_made_at_the_next_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"step": 3}) + "\n")

    def write() -> None:
        with open(log, "a") as stream:
            stream.write(json.dumps({"step": 5}) + "\n")

    writer = threading.Timer(3.0, write)
    writer.start()
    process = os.getpid()
    mark = mark_trainer(tmp_path, process, process)
    writer.join()
    assert mark.step == 5


@pytest.mark.slow
def test_a_robot_a_trainer_and_an_evaluator_run_and_are_measured() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    online.add_arguments(parser)
    words = ["--quick", "--seconds", "6", "--batch", "8", "--width", "8", "--image-size", "32", "--frame", "160x120"]
    figures = online.measure(parser.parse_args(words))
    assert figures["frames_sent"] > 100
    assert figures["step_ratio"] > 0
    assert 0 < figures["answered"] <= 1
    assert figures["answer_ms_p99"] > 0
    assert figures["skipped_told"] == figures["skipped"]
    assert figures["dropped"] == figures["lost_frames"] + figures["lost_joint_states"]
    assert figures["saves"] >= 0
