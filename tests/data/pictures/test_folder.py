"""Folders of plain pictures with frames.csv: what is read, and that everything unclear is an error naming its line."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.pictures.folder import PictureFolder
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError

SIZE = 8
VIEWS = 12
Rows = list[dict[str, Any]]


def turntable(episodes: int = 3) -> Rows:
    """Objects turned by 30 degrees from view to view, half a metre away; the last is for testing."""
    rows = []
    for episode in range(episodes):
        for view in range(VIEWS):
            half = np.radians(30 * view) / 2
            rows.append(
                {
                    "episode": f"clip{episode}",
                    "instance": f"cup_{episode}",
                    "category": "cup",
                    "stamp": 0.5 * view,
                    "image": f"pictures/{episode}_{view}.png",
                    **{f"pose.{name}": 0 for name in ("x", "y", "qx", "qz")},
                    "pose.z": 0.5,
                    "pose.qy": 2 * np.sin(half),  # of any length
                    "pose.qw": 2 * np.cos(half),
                    "joint.wheel": 0.1 * view,
                    "command.wheel": "" if view == 0 else 0.2 * view,
                    "action.table_deg": 30 * view,
                    "split": "test" if episode == episodes - 1 else "train",
                }
            )
    return rows


def write(folder: Path, rows: Rows, *, pictures: bool = True) -> Path:
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    with open(folder / "frames.csv", "w", newline="") as stream:
        table = csv.DictWriter(stream, rows[0])
        table.writeheader()
        table.writerows(rows)
    for number, row in enumerate(rows if pictures else ()):
        picture = np.zeros((12, 20, 3), np.uint8)
        picture[..., 0] = number  # blue, as OpenCV has it
        cv2.imwrite(str(folder / str(row["image"])), picture)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "turntable", turntable())


def small(**others: Any) -> PrepareSettings:
    return PrepareSettings(image_size=SIZE, workers=2, **others)


def test_pictures_become_frames_with_their_states_in_order_of_their_stamps(folder: Path, tmp_path: Path) -> None:
    report = prepare([folder], tmp_path / "data", small(continuous_joints=("wheel",)))
    data = PreparedData.open(tmp_path / "data")

    assert (report.frames, report.pictures, report.episodes, report.lossy) == (3 * VIEWS, 3 * VIEWS, 3, False)
    assert report.frames_of_set == {"train": 2 * VIEWS, "test": VIEWS}
    np.testing.assert_array_equal(data.frames[:, 4, 4], np.outer(np.arange(3 * VIEWS), [0, 0, 1]))
    np.testing.assert_array_equal(data.stamps_ns[:3], [0, 500_000_000, 1_000_000_000])
    assert [row.instance for row in data.episodes] == ["cup_0", "cup_1", "cup_2"]
    np.testing.assert_allclose(data.object_pose[3], [0, 0, 0.5, 0, np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-12)
    np.testing.assert_allclose(data.joint_position[:3, 0], [0, 0.1, 0.2], atol=1e-6)
    np.testing.assert_allclose(data.joint_command[:3, 0], [np.nan, 0.2, 0.4], atol=1e-6)
    assert (data.joint_names, data.continuous_joints, data.recorded_names) == (("wheel",), ("wheel",), ("table_deg",))
    np.testing.assert_array_equal(data.recorded[:3, 0], [0, 30, 60])


def test_the_order_of_rows_does_not_matter(folder: Path, tmp_path: Path) -> None:
    once = prepare([folder], tmp_path / "once", small())
    rows = turntable()
    random.Random(0).shuffle(rows)
    write(folder, rows, pictures=False)

    again = prepare([folder], tmp_path / "once", small())
    prepare([folder], tmp_path / "shuffled", small())

    assert again.already_there
    assert again.episodes == once.episodes
    first, second = PreparedData.open(tmp_path / "once"), PreparedData.open(tmp_path / "shuffled")
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.object_pose, second.object_pose)
    assert first.fingerprint == second.fingerprint


def test_a_changed_picture_or_label_is_prepared_again(folder: Path, tmp_path: Path) -> None:
    prepare([folder], tmp_path / "data", small())

    cv2.imwrite(str(folder / "pictures" / "0_0.png"), np.full((12, 20, 3), 200, np.uint8))
    assert not prepare([folder], tmp_path / "data", small()).already_there

    write(folder, [{**row, "category": "mug"} for row in turntable()], pictures=False)
    assert not prepare([folder], tmp_path / "data", small()).already_there


def test_views_without_time_order_make_pairs_by_the_size_of_the_rotation(folder: Path, tmp_path: Path) -> None:
    rows = turntable()
    shuffled = list(range(VIEWS))
    random.Random(0).shuffle(shuffled)
    for row, place in zip(rows, shuffled * 3, strict=True):
        row["stamp"] = place
    write(folder, rows, pictures=False)
    prepare([folder], tmp_path / "data", small())
    data = PreparedData.open(tmp_path / "data")
    sampler = PairSampler(data, np.arange(len(data)), Window("degrees", 25, 35))

    second = sampler.partners(sampler.anchors, np.random.default_rng(0))

    turns = (data.recorded[second, 0] - data.recorded[sampler.anchors, 0]) % 360
    assert set(turns) == {30, 330}


def test_the_category_and_the_split_may_be_missing(folder: Path, tmp_path: Path) -> None:
    rows = [{**row, "category": ""} for row in turntable()]
    for row in rows:
        del row["split"]
    write(folder, rows, pictures=False)

    report = prepare([folder], tmp_path / "data", small())

    assert report.frames_of_set == {"train": 3 * VIEWS}
    assert PreparedData.open(tmp_path / "data").categories == ()
    assert any("no column split: everything is for training" in note for note in report.notes)


def test_nested_folders_and_several_sources_are_combined(folder: Path, tmp_path: Path) -> None:
    more = [{**row, "instance": "jug", "episode": "another", "split": "train"} for row in turntable(1)]
    write(tmp_path / "all" / "two", more)
    folder.rename(tmp_path / "all" / "one")

    report = prepare([tmp_path / "all"], tmp_path / "data", small())

    assert report.episodes == 4
    assert [Path(path).name for path in report.folders] == ["one", "two"]


def test_a_pose_may_be_only_a_rotation_and_unused_columns_are_named(folder: Path) -> None:
    rows = turntable()
    for row in rows:
        row["weather"] = "fine"
        for name in ("pose.x", "pose.y", "pose.z"):
            del row[name]
    write(folder, rows, pictures=False)

    source = PictureFolder.read(folder)

    assert np.isnan(np.asarray(source.episodes[0].states.object_pose)[:, :3]).all()
    assert source.notes == ("not used: column weather",)


def test_an_unreadable_picture_is_an_error_unless_it_may_be_skipped(folder: Path, tmp_path: Path) -> None:
    (folder / "pictures" / "1_4.png").write_bytes(b"no picture at all")
    whole = (folder / "pictures" / "1_5.png").read_bytes()
    (folder / "pictures" / "1_5.png").write_bytes(whole[: len(whole) // 2])
    (folder / "pictures" / "1_6.png").write_bytes(b"")

    with pytest.raises(DataError, match=r"1_4\.png is not a picture that OpenCV can read .17 bytes"):
        prepare([folder], tmp_path / "data", small())
    assert not (tmp_path / "data").exists()

    report = prepare([folder], tmp_path / "data", small(skip_unreadable=True))
    assert (report.unreadable, report.frames, report.lossy) == (3, 3 * VIEWS - 3, True)
    data = PreparedData.open(tmp_path / "data")
    np.testing.assert_array_equal(data.recorded[data.episode_of == 1, 0] // 30, [0, 1, 2, 3, 7, 8, 9, 10, 11])


def change(name: str, value: Any, row: int = 5) -> Callable[[Rows], None]:
    return lambda rows: rows[row].__setitem__(name, value)


def without(name: str) -> Callable[[Rows], None]:
    return lambda rows: [row.pop(name) for row in rows] and None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("stamp"), "frames.csv has no column 'stamp' .found: episode, instance"),
        (without("category"), "has no column 'category'"),
        (without("pose.qz"), "has no column 'pose.qz': expected all of"),
        (without("pose.y"), "has no column 'pose.y': expected all of"),
        (lambda rows: rows.__delitem__(slice(1, None)) or rows[0].__setitem__("stamp", ""), "line 2: stamp is empty"),
        (change("image", "/etc/passwd"), "line 7: image = '/etc/passwd', expected a path within the folder"),
        (change("image", "../outside.png"), r"line 7: image = '../outside.png' is outside .*turntable"),
        (change("image", "pictures/../../outside.png"), "is outside"),
        (change("image", "link.png"), "line 7: image = 'link.png' is outside"),
        (change("image", "linked/outside.png"), "is outside"),
        (change("image", "pictures/nothing.png"), "line 7: image = 'pictures/nothing.png': there is no such file"),
        (change("image", "pictures"), "there is no such file"),
        (change("image", ""), "line 7: image is empty"),
        (change("stamp", "noon"), "line 7: stamp = 'noon', expected a number of seconds"),
        (change("stamp", "nan"), "line 7: stamp = 'nan', expected a number"),
        (change("stamp", "1700000000000000000"), "expected a number of seconds"),
        (change("stamp", 1.0), "line 7: stamp 1.0 of episode clip0 is also in line 4"),
        (change("joint.wheel", "fast"), "line 7: joint.wheel = 'fast', expected a number, or nothing"),
        (change("action.table_deg", "inf"), "line 7: action.table_deg = 'inf', expected a number"),
        (change("pose.qw", ""), "line 7: pose.qw is empty, expected all of pose.qx"),
        (
            lambda rows: rows[0].update({f"pose.q{axis}": 0 for axis in "xyzw"}),
            "line 2: the quaternion .* length 0",
        ),
        (change("split", "holdout"), "line 7: split = 'holdout', expected train or test"),
        (change("instance", "mug"), "line 7: episode clip0 has instance 'mug', but 'cup_0' in line 2"),
        (
            lambda rows: [row.update(instance="cup_0") for row in rows],
            "line 26: instance cup_0 has split 'test', but 'train' in line 2",
        ),
        (
            lambda rows: [row.update(category="mug", instance="cup_0") for row in rows[12:24]],
            "line 14: instance cup_0 has category 'mug', but 'cup' in line 2",
        ),
    ],
)
def test_the_error_names_the_line_of_a_wrong_table(folder: Path, damage: Any, message: str) -> None:
    (folder.parent / "outside.png").write_bytes((folder / "pictures" / "0_0.png").read_bytes())
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "linked").symlink_to(folder.parent)
    rows = turntable()
    damage(rows)
    write(folder, rows, pictures=False)

    with pytest.raises(DataError, match=message):
        PictureFolder.read(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no column 'episode' .found: nothing"),
        (b"episode,instance,category,stamp,image\n\n", "lists no picture: it has no row below the first line"),
        (b"episode,instance,category,stamp,image\na,b,c,1\n", "line 2: 4 cells, expected 5"),
        (b"episode,instance,category,stamp,image,image\n", "two columns 'image'"),
        (
            b"episode,instance,category,stamp,image,joint.\na,b,c,1,pictures/0_0.png,2\n",
            "column 'joint.' without a name",
        ),
        (b"\xff\xfe\x00", "is not a table of comma-separated UTF-8 text"),
        (b"episode,instance,category,stamp,image\na,b,c,1,a\0b\n", "there is no such file|is not a table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(folder: Path, text: bytes, message: str) -> None:
    (folder / "frames.csv").write_bytes(text)

    with pytest.raises(DataError, match=message):
        PictureFolder.read(folder)


def test_links_inside_the_folder_and_a_linked_folder_are_allowed(folder: Path, tmp_path: Path) -> None:
    (folder / "pictures" / "0_0.png").rename(folder / "elsewhere.png")
    (folder / "pictures" / "0_0.png").symlink_to(folder / "elsewhere.png")
    (tmp_path / "link").symlink_to(folder)

    assert len(PictureFolder.read(tmp_path / "link").episodes) == 3


def test_sources_that_contradict_each_other_are_refused(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", [{**row, "split": "test"} for row in turntable(1)])
    with pytest.raises(DataError, match=r"instance cup_0 is in the set train in .*turntable, but in test in .*other"):
        prepare([folder, other], tmp_path / "data", small())

    copied = write(tmp_path / "copied", turntable())
    with pytest.raises(DataError, match="hold the same"):
        prepare([folder, copied], tmp_path / "data", small())

    with pytest.raises(DataError, match=r"no picture folder has a column joint\.elbow"):
        prepare([folder], tmp_path / "data", small(continuous_joints=("elbow",)))
