from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import aassl_ros
from aassl_ros.data.streams import joints
from aassl_ros.data.streams.ledger import Ledger, TopicCounts
from aassl_ros.data.streams.sync import SyncCounts
from aassl_ros.errors import BagError


def ledger() -> Ledger:
    return Ledger(
        topics={
            "/image": TopicCounts("Image", received=10, written=9, dropped=1, lost=2),
            "/joint_states": TopicCounts("JointState", received=30, written=30),
        },
        frame_topics=["/image"],
    )


def test_lost_frames_count_as_dropped_too() -> None:
    counts = ledger()
    assert (counts.frames_received, counts.frames_written, counts.frames_dropped) == (10, 9, 3)
    assert counts.lossy


def test_a_ledger_survives_its_json() -> None:
    assert Ledger.from_json(ledger().to_json()) == ledger()


def test_a_damaged_ledger_is_refused() -> None:
    with pytest.raises(BagError, match="damaged"):
        Ledger.from_json("{}")


def test_frames_before_the_first_and_after_the_last_joint_state_are_no_loss() -> None:
    counts = Ledger(frames_without_sample={"no joint state before": 1, "joint stream ended": 2})
    assert not counts.lossy
    counts.frames_without_sample["joint missing"] = 1
    assert counts.lossy


def test_each_reason_for_a_missing_sample_is_written_once_in_the_package() -> None:
    package = Path(aassl_ros.__file__).parent
    texts = {file.name: file.read_text(encoding="utf-8") for file in package.rglob("*.py")}
    for reason in (*joints.EDGE_REASONS, joints.STREAM_SILENT, joints.BRACKET_TOO_WIDE, joints.JOINT_MISSING):
        assert [name for name, text in texts.items() if f'"{reason}"' in text] == ["joints.py"]


def test_samples_of_several_cameras_are_added_up() -> None:
    one = SyncCounts(frames=3, samples=2, rejected=Counter({"joint missing": 1}), brackets=Counter({1000: 2}))
    other = SyncCounts(frames=5, samples=5, brackets=Counter({2000: 5}))
    one.joint_states_dropped["not finite"] = other.joint_states_dropped["not finite"] = 4
    counts = Ledger()
    counts.add_samples([one, other])
    assert counts.frames_with_sample == 7
    assert counts.frames_without_sample == {"joint missing": 1}
    assert counts.bracket_ms_median == 20.0
    assert counts.joint_states_dropped == {"not finite": 4}


def test_the_summary_names_every_loss_in_one_line() -> None:
    counts = ledger()
    counts.frames_with_sample = 8
    counts.frames_without_sample = {"joint missing": 1}
    assert counts.summary() == (
        "10 frames received, 9 written, 3 dropped; 8 with sample; 1 frames without sample (joint missing); "
        "39 messages in all, 0 others dropped."
    )


def test_unusable_messages_make_a_recording_lossy_and_are_in_the_summary() -> None:
    counts = Ledger(frames_of_unknown_encoding=3, joint_states_dropped={"not finite": 2}, commands_refused=1)
    assert counts.lossy
    assert (
        "2 joint states dropped (not finite); 3 frames whose pixels cannot be read; 1 commands refused"
        in counts.summary()
    )


def test_a_recording_without_a_single_sample_is_lossy() -> None:
    counts = ledger()
    counts.topics = {"/image": TopicCounts("Image", received=5, written=5)}
    assert not counts.lossy
    counts.closed = True
    assert counts.lossy
