"""Episodes that are marked after the recording replace the recorded ones everywhere, and the bag stays as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from small_streams import SECOND, SIZE, record, stream, without

from aassl_ros.cli.main import main
from aassl_ros.data.bags.labels import labels_path, read_labels
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.prepare.prepare import PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Two episodes, of 0 to .9 s and 1 to 1.9 s after the bag's start; the first frame is 7 ms later."""
    return record(tmp_path / "bag", stream(2.0))


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A bag without episodes or session."""
    with BagWriter(tmp_path / "foreign") as writer:
        for message in without(stream(2.0), "/episode"):
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns, message.stamp_ns, message.data)
    return tmp_path / "foreign"


def label(*words: Any) -> None:
    assert main(["bag", "label", *map(str, words)]) == 0


def refused(capsys: pytest.CaptureFixture[str], *words: Any) -> str:
    capsys.readouterr()
    assert main(["bag", "label", *map(str, words)]) in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith("aassl: ")
    assert error.count("\n") == 1
    return error


def episodes(bag: Path) -> list[tuple[str, str | None, str]]:
    with BagReader(bag) as reader:
        return [(one.instance, one.category, one.set) for one in reader.episodes() if not one.discarded]


def test_an_episode_gets_another_object_and_the_bag_does_not_change(bag: Path) -> None:
    before = {file.name: file.read_bytes() for file in bag.iterdir()}
    label(bag, "--episode", 2, "--instance", "cup_1", "--category", "cup", "--set", "online")
    assert episodes(bag) == [("mug_0000", "mug", "train"), ("cup_1", "cup", "online")]
    after = {file.name: file.read_bytes() for file in bag.iterdir()}
    assert after.pop("labels.json")
    assert after == before


def test_ids_of_recorded_episodes_stay_and_can_be_used(bag: Path) -> None:
    with BagReader(bag) as reader:
        first, second = reader.recorded_episodes()
    label(bag, "--episode", second.id, "--category", "cup")
    with BagReader(bag) as reader:
        assert [one.id for one in reader.episodes()] == [first.id, second.id]
        assert {one.robot for one in reader.episodes()} == {"robot"}


@pytest.mark.parametrize(
    ("option", "span", "frames"),
    [("--frames", "10:25", 15), ("--seconds", "0.33:0.825", 15), ("--stamps", f"{1337 * 10**6}:{1832 * 10**6}", 15)],
)
def test_a_range_of_a_foreign_bag_becomes_an_episode_that_is_prepared(
    foreign: Path, tmp_path: Path, option: str, span: str, frames: int
) -> None:
    label(foreign, option, span, "--instance", "cup_1", "--category", "cup")
    report = prepare([foreign], tmp_path / "data", PrepareSettings(image_size=SIZE))
    data = PreparedData.open(tmp_path / "data")
    assert report.frames == len(data) == frames
    assert data.stamps_ns[0] == SECOND + 7 * 10**6 + 10 * 33 * 10**6
    assert any("1 episodes are those of labels.json, not the 0 of the recording" in note for note in report.notes)


def test_an_empty_side_means_the_end_of_the_bag(foreign: Path, tmp_path: Path) -> None:
    label(foreign, "--seconds", ":", "--instance", "cup_1")
    assert prepare([foreign], tmp_path / "data", PrepareSettings(image_size=SIZE)).outside_episodes == 0


def test_labels_win_over_the_recording_and_change_the_fingerprint(bag: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=SIZE)
    recorded = prepare([bag], tmp_path / "data", settings)
    label(bag, "--episode", 1, "--discard")
    labelled = prepare([bag], tmp_path / "data", settings, force=True)
    assert not labelled.already_there
    assert labelled.episodes == recorded.episodes - 1
    label(bag, "--remove")
    assert episodes(bag) == [("mug_0000", "mug", "train"), ("mug_0001", "mug", "test")]
    assert not labels_path(bag).exists()


def test_a_table_labels_ranges_and_episodes(bag: Path, foreign: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "bag,start_s,stop_s,episode,instance,category,set,discard\n"
        "foreign,0,0.5,,cup_1,cup,,\n"
        "foreign,0.5,,,cup_2,cup,test,\n"
        "bag,,,2,plate,,,no\n"
        "bag,,,1,,,,yes\n"
    )
    label(bag, foreign, "--csv", table)
    assert episodes(foreign) == [("cup_1", "cup", "train"), ("cup_2", "cup", "test")]
    assert episodes(bag) == [("plate", "mug", "test")]


def test_an_episode_is_split_removed_and_kept_again(bag: Path) -> None:
    label(bag, "--episode", 1, "--split", 0.5)
    label(bag, "--episode", 2, "--instance", "second half")
    assert [name for name, _, _ in episodes(bag)] == ["mug_0000", "second half", "mug_0001"]
    label(bag, "--episode", 3, "--remove")
    label(bag, "--episode", 1, "--discard")
    assert [name for name, _, _ in episodes(bag)] == ["second half"]
    label(bag, "--episode", 1, "--keep")
    assert [name for name, _, _ in episodes(bag)] == ["mug_0000", "second half"]


def test_a_range_replaces_what_it_overlaps_only_if_asked(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (bag, "--seconds", "0.5:1.5", "--instance", "cup")
    assert "overlaps episode 1 (mug_0000" in refused(capsys, *words)
    assert not labels_path(bag).exists()
    label(*words, "--replace")
    assert episodes(bag) == [("cup", None, "train")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--episode", "9", "--discard"], "holds no episode '9'"),
        (["--episode", "00000000-0", "--discard"], "holds more than one episode"),
        (["--frames", "0:999", "--instance", "x"], "frame 999 is outside the bag"),
        (["--seconds", "0:9.5", "--instance", "x"], "9.5 is outside the bag, which holds 0 to 1.9"),
        (["--seconds", "nan:1", "--instance", "x"], "'nan' is not a number"),
        (["--stamps", "5:6", "--instance", "x"], "5 is outside the bag"),
        (["--seconds", "0.93:0.95", "--instance", "x"], "holds no frame"),
        (["--seconds", "1", "--instance", "x"], "is not START:STOP"),
        (["--seconds", "0:1", "--instance", ""], "overlaps"),
        (["--frames", "28:30"], "Give --instance"),
        (["--instance", "x"], "a label without episode"),
        (["--episode", "1"], "without a change"),
        (["--episode", "1", "--split", "1.5"], "does not split"),
        (["--episode", "1", "--instance", "two\nlines"], "no line breaks"),
        (["--list", "--camera", "left"], "holds no camera left"),
    ],
)
def test_wrong_use_is_one_line(bag: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert said in refused(capsys, bag, *words)
    assert not labels_path(bag).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("start_s,stop_s,instance\n0,0.5,a\n0.4,0.9,b\n", "line 3: the range 0.4:0.9 overlaps that of"),
        ("start_s,stop_s,instance\n0,99,a\n", "line 2: The range 0:99 of seconds: 99 is outside"),
        ("start_s,instance\n0,a\n", "expected the column episode, or start and stop"),
        ("episode,colour\n1,a\n", "unknown column 'colour'"),
        ("episode,set\n1,validation\n", "line 2: set = 'validation'"),
        ("episode,instance\n7,a\n", "line 2: .*holds no episode '7'"),
        ("episode,instance\n1\n", "line 2: the row has another number of values"),
        ("episode,instance\n", "holds no rows"),
        ("bag,episode\nother,1\n", "bag = 'other', expected one of bag"),
        ("episode,discard\n1,perhaps\n", "discard = 'perhaps'"),
    ],
)
def test_a_wrong_table_is_one_line_and_nothing_is_written(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    words = [bag, "--csv", table, "--replace"]
    assert re.search(said, refused(capsys, *words))
    assert not labels_path(bag).exists()


def test_the_list_shows_numbers_times_and_ids(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label(bag)
    shown = capsys.readouterr().out
    for part in ("60 frames", "as recorded", "mug_0001 (mug)", "00000000-0000-4000-8000-000000000001"):
        assert part in shown
    label(bag, "--list", "--json")
    assert [one["instance"] for one in json.loads(capsys.readouterr().out)["episodes"]] == ["mug_0000", "mug_0001"]


def test_info_says_that_labels_replace_the_recording(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label(bag, "--episode", 1, "--instance", "cup")
    assert main(["bag", "info", str(bag)]) == 0
    assert "2 episodes are those of" in capsys.readouterr().out
    assert main(["bag", "info", str(bag), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["labels"].endswith("labels.json")
    assert facts["episodes"][0]["instance"] == "cup"


def test_a_single_file_has_its_labels_beside_it_and_recovery_copies_them(bag: Path, tmp_path: Path) -> None:
    file = bag / "bag_0.mcap"
    label(file, "--episode", 1, "--instance", "cup")
    assert (bag / "bag_0.mcap.labels.json").is_file()
    assert episodes(file)[0] == ("cup", "mug", "train")
    recover_bag(file, tmp_path / "saved")
    assert read_labels(tmp_path / "saved") == read_labels(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "not a JSON object"),
        ('{"episodes": [{"id": "1"}]}', "a UUID"),
        ('{"schema": "aassl_ros/labels/2", "episodes": []}', "newer aassl_ros"),
        ("\0" * 10, "not JSON"),
        (None, "overlap"),
    ],
)
def test_wrong_labels_are_one_line(
    bag: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    label(bag, "--episode", 1, "--instance", "cup")
    path = labels_path(bag)
    if content is None:
        values = json.loads(path.read_text())
        values["episodes"][1]["start"] = values["episodes"][0]["start"]
        content = json.dumps(values)
    path.write_text(content)
    assert said in refused(capsys, bag, "--list")
    assert main(["bag", "label", str(bag), "--remove"]) == 0
    assert episodes(bag)[0][0] == "mug_0000"
