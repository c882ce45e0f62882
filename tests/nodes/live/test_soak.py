"""`aassl bench soak`: what it checks, and a short soak with all nodes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aassl_ros.benchmarks import soak
from aassl_ros.benchmarks.soak_checks import CheckpointCheck, MemoryWatch, ProgressWatch, SoakLog, check_bags
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.data.streams import messages
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint

_GROWING = """
import sys
held = []
for line in sys.stdin:
    held.append(b"1" * 8_000_000)
    print(flush=True)
"""


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with SoakLog(tmp_path / "soak.log") as opened:
        yield opened


def events(tmp_path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (tmp_path / "soak.log").read_text().splitlines()]


def news_of(path: Path, step: int) -> CheckpointNews:
    return CheckpointNews(str(path), load_checkpoint(path).digest, step)


def test_a_checkpoint_that_does_not_load_or_goes_back_is_lost(make_checkpoint: Any, log: Any, tmp_path: Path) -> None:
    check = CheckpointCheck(log)
    first, second = news_of(make_checkpoint("a"), 5), news_of(make_checkpoint("b", seed=1), 9)
    check.add([first, second])
    check.check_last()
    assert (check.announced, check.lost) == (2, [])
    third = news_of(make_checkpoint("c", seed=2), 7)
    check.add([first, second, third])
    assert "step 7 came after step 9" in check.lost[0]
    (Path(third.path) / "weights.safetensors").write_bytes(b"nothing")
    check.check_last()
    assert len(check.lost) == 2
    assert events(tmp_path) == ["checkpoint lost"] * 2


def test_a_process_that_grows_after_its_warm_up_is_found(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, clock = MemoryWatch(log, warm_up_s=60.0), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with subprocess.Popen([sys.executable, "-c", _GROWING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for second in range(0, 200, 5):
            clock[0] = float(second)
            if second == 120:
                process.stdin.write(b"grow\n")
                process.stdin.flush()
                process.stdout.readline()
            watch.sample("trainer", process.pid)
        process.stdin.close()
    watch.end_all()
    assert watch.compared == 1
    assert watch.worst > 0.2
    assert watch.worst_of.startswith("trainer")


@dataclass
class Heard:
    """What a monitor has heard."""

    counts: dict[str, str] = field(default_factory=dict)
    episodes: list[int] = field(default_factory=list)

    def values(self, node: str) -> dict[str, str]:
        return {"step": self.counts.get(node, ""), "answers": self.counts.get(node, ""),
                "frames_written": self.counts.get(node, ""), "speed": self.counts.get(node, "")}  # fmt: skip

    def heard_s(self, node: str) -> float:
        return time.monotonic()


def test_a_node_whose_counter_stands_still_is_stuck_and_the_others_work(
    log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch, heard = ProgressWatch(log, stuck_s=20.0), Heard()
    for second in range(30):
        clock[0] = 101.0 + second
        moving = {name: str(second) for name in ("simulator", "recorder", "evaluator")}
        heard.counts = {**moving, "trainer": "7"}
        heard.episodes.append(second)
        watch.look(heard)
    assert watch.stuck == ["trainer"]
    assert not watch.all_work()
    heard.counts["trainer"] = "8"
    watch.look(heard)
    assert watch.all_work()


def test_a_bag_that_was_cut_off_is_recovered_and_one_that_is_no_bag_is_told(log: Any, tmp_path: Path) -> None:
    bags = tmp_path / "bags"
    with BagWriter(bags / "whole") as writer:
        writer.add_topic("/joint_states", messages.JOINT_STATE)
        for stamp in range(1, 50):
            writer.write("/joint_states", stamp, stamp, messages.encode_joint_state(stamp, ["a"], [0.0]))
    (bags / "none").mkdir()
    (bags / "none" / "none_0.mcap").write_bytes(b"nothing")
    checked, problems = check_bags(bags, log)
    assert checked == 2
    assert len(problems) == 1
    assert not (bags / "whole").exists()


@pytest.mark.slow
def test_nodes_killed_at_random_come_back_and_nothing_is_lost(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    soak.add_arguments(parser)
    words = ["--minutes", "3", "--every", "25", "--warm-up", "60", "--log", str(tmp_path / "soak.log")]
    figures = soak.measure(parser.parse_args(words))
    assert figures["kills"] >= 7
    assert figures["checkpoints"] > 0
    assert figures["bags"] >= 1
    problems = ("checkpoints_lost", "bags_unreadable", "stuck", "ended_by_themselves")
    assert {name: figures[name] for name in problems} == dict.fromkeys(problems, 0)
