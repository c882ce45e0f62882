from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_streams import (
    MS,
    SECOND,
    SESSION,
    SIZE,
    URDF,
    Message,
    episode_event,
    image,
    record,
    shade,
    stream,
    text,
    without,
)

from aassl_ros.data.bags.recovery import recover_bag, recover_in_place, recovered_path
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.prepare.prepare import PrepareReport, PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.errors import AasslError, BagError, DataError
from aassl_ros.motion.kinematics import Chain


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("bags") / "bag", stream())


@pytest.fixture(scope="module")
def prepared(bag: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedData, PrepareReport]:
    out = tmp_path_factory.mktemp("data") / "data"
    report = prepare([bag], out, PrepareSettings(image_size=SIZE))
    return PreparedData.open(out), report


def test_each_frame_of_an_episode_becomes_a_picture_of_training_size(
    prepared: tuple[PreparedData, PrepareReport],
) -> None:
    data, report = prepared

    assert data.frames.shape == (report.frames, SIZE, SIZE, 3)
    np.testing.assert_array_equal(data.frames[:, 0, 0, 0], [shade(stamp) for stamp in data.stamps_ns.tolist()])
    assert [(row.instance, row.category, row.set) for row in data.episodes] == [
        ("mug_0000", "mug", "train"),
        ("mug_0001", "mug", "test"),
    ]
    for row in data.episodes:
        within_s = (data.stamps_ns[row.start : row.stop] % SECOND) / SECOND
        assert ((within_s >= 0) & (within_s < 0.9)).all()


def test_frames_between_episodes_are_counted_and_skipped(prepared: tuple[PreparedData, PrepareReport]) -> None:
    data, report = prepared

    between = [stamp for stamp in range(SECOND + 7 * MS, 3 * SECOND - 40 * MS, 33 * MS) if stamp % SECOND >= 900 * MS]
    assert report.outside_episodes == len(between) > 0
    assert report.frames_in_bags == len(data) + len(between)
    assert sum(report.frames_of_set.values()) == len(data)


def test_states_are_those_at_the_stamp_of_the_frame(prepared: tuple[PreparedData, PrepareReport]) -> None:
    data, _ = prepared
    seconds = data.stamps_ns / SECOND

    np.testing.assert_allclose(data.joint_position[:, 0], seconds, atol=1e-6)
    np.testing.assert_allclose(data.object_pose[:, 0], seconds)
    tips = Chain.from_urdf(URDF, "base", "tip").forward(seconds[:, None])
    np.testing.assert_allclose(data.tip_pose[:, :3], tips[:, :3], atol=1e-6)
    assert data.joint_names == data.command_names == data.continuous_joints == ("a",)


def test_commands_are_unknown_before_the_first_and_then_the_active_ones(
    prepared: tuple[PreparedData, PrepareReport],
) -> None:
    data, _ = prepared
    commands, stamps = data.joint_command[:, 0], data.stamps_ns
    first = SECOND + 200 * MS

    assert np.isnan(commands[stamps < first]).all()
    last_command = first + (stamps[stamps > first] - first) // (500 * MS) * (500 * MS)
    np.testing.assert_allclose(commands[stamps > first], last_command / SECOND, atol=1e-6)


def test_computed_samples_equal_the_recorded_ones(prepared: tuple[PreparedData, PrepareReport]) -> None:
    _, report = prepared

    assert report.largest_difference == 0
    assert report.largest_command_difference == 0
    assert report.samples_not_recorded == 0
    assert not report.lossy


def test_a_sample_that_differs_from_the_recorded_one_is_found(tmp_path: Path) -> None:
    wrong = messages.encode_joint_state(SECOND + 40 * MS, ["a"], [9.0])
    sample = Message("/recorder/sample/camera/joint_state", messages.JOINT_STATE, SECOND + 40 * MS, wrong)
    path = tmp_path / "bag"
    with BagWriter(path) as writer:
        writer.set_custom_data("recorder/session", SESSION.to_json())
        for message in [*stream(), sample]:
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns, message.stamp_ns, message.data)

    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert report.largest_difference == pytest.approx(9.0 - 1.04)
    assert report.lossy


def test_a_second_run_does_nothing_unless_bags_or_settings_changed_or_it_is_forced(bag: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=SIZE)
    out = tmp_path / "data"
    first = prepare([bag], out, settings)
    made = (out / "prepared.json").stat().st_mtime_ns

    again = prepare([bag], out, settings)
    assert again == replace(first, already_there=True)
    assert (out / "prepared.json").stat().st_mtime_ns == made

    assert not prepare([bag], out, settings, force=True).already_there
    assert not prepare([bag], out, PrepareSettings(image_size=4)).already_there
    assert PreparedData.open(out).image_size == 4


def test_damaged_data_are_made_again(bag: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=SIZE)
    prepare([bag], tmp_path / "data", settings)
    (tmp_path / "data" / "frames.uint8").write_bytes(b"")

    assert not prepare([bag], tmp_path / "data", settings).already_there


def test_an_interruption_leaves_what_was_there(bag: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"

    def interrupt(done: int, total: int) -> None:
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([bag], out, PrepareSettings(image_size=SIZE), progress=interrupt)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_folder_of_bags_gives_one_data_set(tmp_path: Path, storage: str) -> None:
    record(tmp_path / "bags" / "monday", stream(), storage=storage)
    record(tmp_path / "bags" / "tuesday", stream(first_episode=2), storage=storage)
    (tmp_path / "bags" / "notes").mkdir()

    report = prepare([tmp_path / "bags"], tmp_path / "data", PrepareSettings(image_size=SIZE))

    data = PreparedData.open(tmp_path / "data")
    assert [row.instance for row in data.episodes] == ["mug_0000", "mug_0001", "mug_0002", "mug_0003"]
    assert len(report.bags) == 2
    assert data.frames[:, 0, 0, 0].tolist() == [shade(stamp) for stamp in data.stamps_ns.tolist()]


def test_a_bag_given_twice_counts_once_and_a_copy_is_refused(bag: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=SIZE)

    assert len(prepare([bag, bag.parent], tmp_path / "data", settings).bags) == 1
    shutil.copytree(bag, tmp_path / "copy")
    with pytest.raises(DataError, match="hold the same recording"):
        prepare([bag, tmp_path / "copy"], tmp_path / "two", settings)


def test_a_moved_bag_is_still_the_same_bag(bag: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=SIZE)
    prepare([bag], tmp_path / "data", settings)
    shutil.copytree(bag, tmp_path / "elsewhere")

    assert prepare([tmp_path / "elsewhere"], tmp_path / "data", settings).already_there


def test_a_discarded_episode_is_skipped(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [*stream(), episode_event(0, "discard", 4 * SECOND)])

    prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert [row.instance for row in PreparedData.open(tmp_path / "data").episodes] == ["mug_0001"]


def test_without_a_robot_description_the_tip_pose_is_unknown_and_a_note_says_so(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", without(stream(), "/robot_description"))

    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert np.isnan(PreparedData.open(tmp_path / "data").tip_pose).all()
    assert "no tip pose" in report.notes[0]


def test_a_robot_description_on_another_topic_is_used_and_a_note_says_so(tmp_path: Path) -> None:
    session = replace(SESSION, roles=replace(SESSION.roles, robot_description="/left/robot_description"))
    path = record(tmp_path / "bag", stream(), session)

    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert np.isfinite(PreparedData.open(tmp_path / "data").tip_pose).all()
    assert report.notes == (
        f"{path}: the robot description is taken from /robot_description: /left/robot_description holds none",
    )


def test_a_bag_of_another_recorder_is_read_by_its_message_types(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    with BagWriter(path) as writer:
        for message in stream():
            writer.add_topic(message.topic, message.type)
            writer.write(message.topic, message.stamp_ns, message.stamp_ns, message.data)
    links = PrepareSettings(image_size=SIZE, base_link="base", tip_link="tip", object_pose="/object_pose")

    report = prepare([path], tmp_path / "data", links)

    data = PreparedData.open(tmp_path / "data")
    assert report.largest_difference is None
    assert np.isfinite(data.object_pose).all()
    assert np.isfinite(data.tip_pose).all()
    assert data.command_names == ("a",)


def test_the_user_chooses_one_of_two_cameras(tmp_path: Path) -> None:
    cameras = {"front": "/camera/image_raw", "wrist": "/wrist/image_raw"}
    session = replace(SESSION, roles=replace(SESSION.roles, cameras=cameras))
    wrist = [image(stamp, topic="/wrist/image_raw") for stamp in range(SECOND + 20 * MS, 2 * SECOND, 100 * MS)]
    recorded = sorted([*stream(), *wrist], key=lambda message: message.stamp_ns)
    path = record(tmp_path / "bag", recorded, session)

    with pytest.raises(BagError, match=r"holds cameras front, wrist .* Choose one with --camera"):
        prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))
    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE, camera="wrist"))

    assert (report.frames_in_bags, report.largest_difference) == (10, 0)


def test_frames_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    odd = [image(SECOND + 41 * MS, encoding="smell8"), image(SECOND + 74 * MS, width=4)]
    nan = Message("/joint_states", messages.JOINT_STATE, SECOND + 55 * MS, b"rubbish")
    bad_event = text("/episode", SECOND + 60 * MS, "{}")
    recorded = sorted([*stream(), *odd, nan, bad_event], key=lambda message: message.stamp_ns)
    path = record(tmp_path / "bag", recorded)

    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert sorted(report.unusable.values()) == [1, 1]
    assert any("smell8" in reason for reason in report.unusable)
    assert report.messages_refused == {"/joint_states": 1, "/episode": 1}
    assert report.lossy


def test_a_sample_never_spans_a_gap_in_the_joint_stream(tmp_path: Path) -> None:
    hole = range(SECOND + 300 * MS, SECOND + 500 * MS)
    recorded = [message for message in stream() if message.topic != "/joint_states" or message.stamp_ns not in hole]
    path = record(tmp_path / "bag", recorded)

    report = prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    stamps = PreparedData.open(tmp_path / "data").stamps_ns
    assert not ((stamps > hole.start) & (stamps < hole.stop - 10 * MS)).any()
    assert sum(report.without_sample.values()) == 6


@pytest.mark.parametrize(
    ("kept", "error", "message"),
    [
        (without(stream(), "/camera/image_raw"), BagError, r"holds no camera frames .*/joint_states 200.* --camera"),
        (without(stream(), "/joint_states"), BagError, "holds no joint states .* --joint-states"),
        (without(stream(), "/episode"), BagError, "holds no episode events .* --episode"),
        ([], BagError, "holds no camera frames"),
        (
            [*without(stream(), "/episode"), text("/episode", 9 * SECOND, "{}")],
            DataError,
            "none of 60 frames can be used",
        ),
    ],
    ids=["no frames", "no joints", "no episodes", "empty", "no frame in an episode"],
)
def test_the_error_for_an_incomplete_bag_lists_its_topics(
    tmp_path: Path, kept: list[Message], error: type[AasslError], message: str
) -> None:
    path = record(tmp_path / "bag", kept)

    with pytest.raises(error, match=message) as raised:
        prepare([path], tmp_path / "data", PrepareSettings(image_size=SIZE))

    assert "\n" not in str(raised.value)
    assert not (tmp_path / "data").exists()


def test_the_error_names_a_source_without_a_bag(tmp_path: Path, bag: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        prepare([tmp_path / "nowhere"], tmp_path / "data")
    with pytest.raises(
        DataError, match=r"contains no bag.* Give a folder that contains bags, .* aassl collect -o NEW\."
    ):
        prepare([tmp_path], tmp_path / "data")


def test_a_bag_that_was_never_closed_says_how_to_recover_it(tmp_path: Path, bag: Path) -> None:
    shutil.copytree(bag, tmp_path / "bags" / "open")
    (tmp_path / "bags" / "open" / "metadata.yaml").unlink()
    (file,) = (tmp_path / "bags" / "open").iterdir()
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(BagError, match="aassl bag recover"):
        prepare([tmp_path / "bags"], tmp_path / "data")


@pytest.mark.parametrize("in_place", [True, False])
def test_a_bag_that_was_recovered_is_left_out_and_its_copy_is_read(tmp_path: Path, bag: Path, in_place: bool) -> None:
    damaged = tmp_path / "bags" / "one"
    shutil.copytree(bag, damaged)
    (damaged / "metadata.yaml").unlink()
    (file,) = damaged.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    if in_place:
        recover_in_place(damaged)
    else:
        recover_bag(damaged, recovered_path(damaged))
    report = prepare([tmp_path / "bags"], tmp_path / "data", PrepareSettings(image_size=SIZE))
    left_out, read = ("one-original", "one") if in_place else ("one", "one-recovered")
    assert [Path(one).name for one in report.bags] == [read]
    note = f"{tmp_path}/bags/{left_out}: skipped, because it was recovered as {tmp_path}/bags/{read}"
    assert note in report.notes
    assert report.frames > 0


def test_a_sound_bag_with_the_name_of_an_original_is_read(tmp_path: Path, bag: Path) -> None:
    shutil.copytree(bag, tmp_path / "bags" / "pick-original")
    (tmp_path / "bags" / "pick").mkdir()  # no bag
    (tmp_path / "bags" / "pick-original-recovered").mkdir()
    report = prepare([tmp_path / "bags"], tmp_path / "data", PrepareSettings(image_size=SIZE))
    assert [Path(one).name for one in report.bags] == ["pick-original"]


def test_a_recovered_copy_beside_its_bag_is_refused(bag: Path, tmp_path: Path) -> None:
    recover_bag(bag, tmp_path / "copy")
    with pytest.raises(DataError, match="hold the same episode"):
        prepare([bag, tmp_path / "copy"], tmp_path / "data", PrepareSettings(image_size=SIZE))
