from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import DataError

SIZE = 8


def write(path: Path, episodes: list[tuple[str, str, str, int]], fingerprint: str = "one") -> Path:
    """Prepared data of (instance, category, set, frames) episodes; each picture is filled with its own number."""
    with PreparedWriter(path, SIZE) as writer:
        number = 0
        for index, (instance, category, instance_set, count) in enumerate(episodes):
            for _ in range(count):
                writer.append_frames(np.full((SIZE, SIZE, 3), number % 256, np.uint8))
                number += 1
            writer.add_episode("robot", f"id{index}", instance, category, instance_set, states(index, count))
        return writer.finish(fingerprint, continuous_joints=["b"], facts={"seed": 3})


def states(index: int, count: int) -> EpisodeStates:
    names = ("a", "b") if index % 2 == 0 else ("b", "c")
    return EpisodeStates(
        stamps_ns=np.arange(count) * 10 + 5, joint_names=names, joint_position=np.full((count, 2), float(index))
    )


def test_frames_and_states_are_read_back_unchanged(tmp_path: Path) -> None:
    data = PreparedData.open(write(tmp_path / "data", [("mug_1", "mug", "train", 3), ("cup_1", "cup", "test", 2)]))

    assert data.frames.shape == (5, SIZE, SIZE, 3)
    np.testing.assert_array_equal(data.frames[:, 0, 0, 0], np.arange(5))
    np.testing.assert_array_equal(data.stamps_ns, [5, 15, 25, 5, 15])
    np.testing.assert_array_equal(data.episode_of, [0, 0, 0, 1, 1])
    assert data.categories == ("cup", "mug")
    assert data.episodes[1].instance == "cup_1"
    assert (data.fingerprint, data.image_size, data.facts) == ("one", SIZE, {"seed": 3})


def test_joints_of_different_episodes_share_one_list_of_names_with_nan_if_unknown(tmp_path: Path) -> None:
    data = PreparedData.open(write(tmp_path / "data", [("mug_1", "mug", "train", 1), ("cup_1", "cup", "test", 1)]))

    assert data.joint_names == ("a", "b", "c")
    assert data.continuous_joints == ("b",)
    np.testing.assert_array_equal(data.joint_position, [[0, 0, np.nan], [np.nan, 1, 1]])
    assert np.isnan(data.object_pose).all()
    assert data.joint_command.shape == (2, 0)


def test_recorded_columns_are_stored_and_older_data_without_them_still_open(tmp_path: Path) -> None:
    with PreparedWriter(tmp_path / "data", SIZE) as writer:
        for name, column in (("one", ("focal",)), ("two", ("focal", "table_deg"))):
            writer.append_frames(np.zeros((2, SIZE, SIZE, 3), np.uint8))
            values = np.arange(2.0 * len(column)).reshape(2, -1)
            recorded = EpisodeStates([1, 2], recorded_names=column, recorded=values)
            writer.add_episode("robot", name, name, "", "train", recorded)
        writer.finish("")

    data = PreparedData.open(tmp_path / "data")

    assert data.recorded_names == ("focal", "table_deg")
    np.testing.assert_array_equal(data.recorded, [[0, np.nan], [1, np.nan], [0, 1], [2, 3]])
    older = write(tmp_path / "older", [("mug_1", "mug", "train", 2)])
    change(older, ' "recorded_names": [],', "")
    assert PreparedData.open(older).recorded.shape == (2, 0)


def test_frames_are_selected_by_set_and_without_some_instances(tmp_path: Path) -> None:
    episodes = [("mug_1", "mug", "train", 2), ("mug_2", "mug", "train", 2), ("mug_3", "mug", "test", 2)]
    data = PreparedData.open(write(tmp_path / "data", episodes))

    np.testing.assert_array_equal(data.indices(("train",)), [0, 1, 2, 3])
    np.testing.assert_array_equal(data.indices(("train",), without_instances=("mug_1",)), [2, 3])
    np.testing.assert_array_equal(data.indices(), np.arange(6))
    assert data.instances(("test",)) == ("mug_3",)


def test_validation_instances_are_a_fraction_of_each_category_of_the_train_set(tmp_path: Path) -> None:
    episodes = [(f"{kind}_{index}", kind, "train", 1) for kind in ("mug", "cup") for index in range(10)]
    data = PreparedData.open(
        write(tmp_path / "data", [*episodes, ("jug_1", "jug", "train", 1), ("mug_99", "mug", "test", 1)])
    )

    chosen = validation_instances(data)

    assert [name.split("_")[0] for name in chosen] == ["cup", "cup", "mug", "mug"]
    assert chosen == validation_instances(data) != validation_instances(data, seed=1)
    assert "mug_99" not in chosen


def test_an_interrupted_writer_leaves_nothing_and_the_old_data_in_place(tmp_path: Path) -> None:
    old = write(tmp_path / "data", [("mug_1", "mug", "train", 1)])

    def interrupted() -> None:
        with PreparedWriter(tmp_path / "data", SIZE) as writer:
            writer.append_frames(np.zeros((4, SIZE, SIZE, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert len(PreparedData.open(old)) == 1


def test_new_data_replace_old_data(tmp_path: Path) -> None:
    write(tmp_path / "data", [("mug_1", "mug", "train", 1)])

    write(tmp_path / "data", [("mug_1", "mug", "train", 2)], fingerprint="two")

    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert PreparedData.open(tmp_path / "data").fingerprint == "two"


def test_at_no_moment_of_their_replacement_are_there_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, replace = write(tmp_path / "data", [("mug_1", "mug", "train", 1)]), os.replace

    def replace_and_open(source: Path, target: Path) -> None:
        replace(source, target)
        PreparedData.open(path)

    monkeypatch.setattr(os, "replace", replace_and_open)
    write(path, [("mug_1", "mug", "train", 2)], fingerprint="two")
    assert PreparedData.open(path).fingerprint == "two"


def test_data_that_cannot_take_their_place_leave_the_old_ones_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace = write(tmp_path / "data", [("mug_1", "mug", "train", 1)]), os.replace

    def refuse(*names: object) -> None:
        raise OSError(28, "No space left on device")

    def refuse_new(source: Path, target: Path) -> None:
        if ".part-" in str(source):
            refuse()
        replace(source, target)

    monkeypatch.setattr("aassl_ros.files._exchange", refuse, raising=False)
    monkeypatch.setattr(os, "replace", refuse_new)
    with pytest.raises(DataError, match="cannot be written"):
        write(path, [("mug_1", "mug", "train", 2)], fingerprint="two")
    assert PreparedData.open(path).fingerprint == "one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_a_folder_with_other_files_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")

    with pytest.raises(DataError, match="contains other files"):
        PreparedWriter(tmp_path, SIZE)

    assert (tmp_path / "thesis.txt").exists()


def test_other_files_in_the_folder_are_not_lost_when_data_are_made_again(tmp_path: Path) -> None:
    write(tmp_path / "data", [("mug_1", "mug", "train", 2)])
    (tmp_path / "data" / "run").mkdir()

    with pytest.raises(DataError, match=r"contains other files \(run\)\. Choose another folder"):
        PreparedWriter(tmp_path / "data", SIZE)

    assert (tmp_path / "data" / "run").exists()


def test_the_error_names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match="cannot be written"):
        PreparedWriter(tmp_path / "file" / "data", SIZE)


def test_a_file_is_not_accepted_as_prepared_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file is not a folder"):
        PreparedData.open(tmp_path / "file")


def change(path: Path, before: str, after: str) -> None:
    table = (path / "prepared.json").read_text()
    assert before in table
    (path / "prepared.json").write_text(table.replace(before, after))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "frames.uint8").write_bytes(b"few"), "frames.uint8 has 3 bytes, expected 192"),
        (lambda path: (path / "tip_pose.npy").unlink(), "tip_pose.npy cannot be read"),
        (lambda path: np.save(path / "tip_pose.npy", np.zeros((9, 7))), r"shape \(9, 7\), expected \(1, 7\)"),
        (lambda path: (path / "prepared.json").write_text("{"), "is damaged"),
        (lambda path: (path / "prepared.json").write_text('{"format": 1}'), "is damaged"),
        (lambda path: (path / "prepared.json").write_text('{"format": 9}'), "has format 9, expected 1"),
        (lambda path: (path / "prepared.json").unlink(), "contains no prepared data"),
        (lambda path: (path / "tip_pose.npy").write_bytes(b""), "tip_pose.npy cannot be read"),
        (lambda path: np.save(path / "stamps_ns.npy", np.array(["1"])), "contains <U1, expected numbers"),
        (lambda path: change(path, '"image_size": 8', '"image_size": -8'), "damaged .image_size = -8"),
        (lambda path: change(path, '"start": 0', '"start": 1'), "has frames 1 to 1, expected 0 as its first"),
        (lambda path: change(path, '"set": "train"', '"set": "holdout"'), "has set = 'holdout', expected one of train"),
    ],
)
def test_the_error_for_damaged_data_says_what_to_do(tmp_path: Path, damage: object, message: str) -> None:
    path = write(tmp_path / "data", [("mug_1", "mug", "train", 1)])
    damage(path)  # type: ignore[operator]

    with pytest.raises(DataError, match=message) as raised:
        PreparedData.open(path)
    again = "Make it again with --force (aassl prepare, or aassl synth)."
    assert again in str(raised.value) or "Make it with aassl prepare" in str(raised.value)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda writer: writer.append_frames(np.zeros((4, 4, 3), np.uint8)), r"expected uint8 of \(8, 8, 3\)"),
        (lambda writer: writer.append_frames(np.zeros((SIZE, SIZE, 3))), "frames are float64"),
        (lambda writer: writer.add_episode("r", "i", "m", "", "holdout", states(0, 1)), "set 'holdout'"),
        (lambda writer: writer.add_episode("r", "i", "m", "", "train", EpisodeStates([3, 3])), "do not increase"),
        (lambda writer: writer.add_episode("r", "i", "m", "", "train", states(0, 2)) or writer.finish(""), "have 2\\."),
    ],
)
def test_a_writer_refuses_inconsistent_input(tmp_path: Path, act: object, message: str) -> None:
    with pytest.raises(DataError, match=message), PreparedWriter(tmp_path / "data", SIZE) as writer:
        act(writer)  # type: ignore[operator]
