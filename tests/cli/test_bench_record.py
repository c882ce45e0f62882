"""`aassl bench record` and `aassl bench kill`, with real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aassl_ros.benchmarks.kill import compare
from aassl_ros.benchmarks.record import encoding_speed
from aassl_ros.cli.main import main
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.synthetic_load import Load

SECOND = 1_000_000_000


@pytest.mark.slow
def test_killed_recorders_leave_bags_that_are_recovered(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "kill", "--kills", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["kills"], figures["recovered"], figures["ledgers_consistent"]) == (2, 2, 2)
    assert figures["mcap_kills"] == figures["sqlite3_kills"] == 1
    # How much a busy machine leaves in the queue is not tested here: the benchmark says it.
    assert figures["lost_older_than_1s"] >= 0


def test_a_message_that_is_missing_is_counted_as_lost(tmp_path: Path) -> None:
    sent = [SECOND * number for number in range(1, 8)]
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/joint_states", messages.JOINT_STATE)
        for stamp in sent:
            if stamp != 3 * SECOND:
                writer.write("/joint_states", stamp, stamp, messages.encode_joint_state(stamp, ["a"], [0.0]))
    killed = compare(tmp_path / "bag", tmp_path / "out", {"/joint_states": sent}, 8 * SECOND)
    assert (killed.recovered, killed.lost, killed.lost_s) == (True, 1, 5.0)
    assert not killed.consistent  # it has no ledger


@pytest.mark.slow
def test_recording_is_measured_against_rosbags_and_received_over_dds(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "record", "--quick", "--seconds", "1", "--encode", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["ratio_to_rosbags"] > 0.2
    assert figures["ratio_default_malloc"] > 0.2
    assert figures["mb_per_s"] > 0
    assert figures["sent"] > 300
    assert figures["unexplained"] == figures["encode_unexplained"] == 0
    assert figures["encode_sent"] > 300


def test_recording_as_jpeg_is_measured_from_memory(tmp_path: Path) -> None:
    figures = encoding_speed(tmp_path, Load(cameras=1, width=320, height=240))
    assert figures["frames_per_s"] > 0
    assert figures["size_ratio"] > 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [(("kill", "--kills", "0"), "kills = 0, expected at least 1"), (("record", "--encode", "-1"), "not be negative")],
)
def test_a_wrong_option_is_wrong_use(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", *words]) == 2
    assert message in capsys.readouterr().err
