"""Folders of photographs: CATEGORY/OBJECT/*.jpg with and without train and test, as cameras and systems leave them."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.readers import folders
from aassl_ros.data.readers.registry import layout_of
from aassl_ros.errors import AasslError, DataError

SMALL = PrepareSettings(image_size=8, workers=1)
VIEWS = (0, 1, 2, 10)


@pytest.fixture
def photos(tmp_path: Path, paint: Callable[[Path, int], bytes]) -> Callable[..., Path]:
    def make(objects: Iterable[str], views: Iterable[int] = VIEWS, ending: str = "jpg") -> Path:
        """Pictures in the folders `objects`, shaded by the number in the name."""
        for place in objects:
            for view in views:
                paint(tmp_path / "pictures" / place / f"img_{view}.{ending}", view % 256)
        return tmp_path / "pictures"

    return make


def numbered(category: str, count: int) -> list[str]:
    return [f"{category}/obj {index}" for index in range(count)]


def sets_of(folder: Path) -> dict[str, str]:
    return {episode.instance: episode.set for episode in folders.read(folder).episodes}


def test_the_command_prepares_categories_of_objects_without_an_option(photos: Callable, tmp_path: Path) -> None:
    folder = photos([*numbered("coffee mug", 4), *numbered("bowl", 3)])
    command = [sys.executable, "-m", "aassl_ros.cli.main", "prepare", folder, "-o", tmp_path / "data"]

    done = subprocess.run([*map(str, command), "--image-size", "8"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "categories 2, objects 7" in done.stdout
    assert "2 of 7 objects are for testing" in done.stdout
    data = PreparedData.open(tmp_path / "data")
    assert data.categories == ("bowl", "coffee mug")
    assert {row.instance for row in data.episodes} == {*numbered("coffee mug", 4), *numbered("bowl", 3)}
    assert [len(data.instances((split,))) for split in ("train", "test")] == [5, 2]


def test_pictures_are_in_natural_order_and_one_second_apart(photos: Callable, tmp_path: Path) -> None:
    prepare([photos(["mug/red"])], tmp_path / "data", SMALL)
    data = PreparedData.open(tmp_path / "data")

    np.testing.assert_allclose(data.frames[:, 0, 0, 0].astype(int), list(VIEWS), atol=1)
    assert np.diff(data.stamps_ns).tolist() == [1_000_000_000] * 3


@pytest.mark.parametrize("ending", ["jpg", "JPG", "jpeg", "png", "webp", "bmp", "tif"])
def test_every_usual_format_is_read(photos: Callable, tmp_path: Path, ending: str) -> None:
    assert prepare([photos(["mug/red"], ending=ending)], tmp_path / "data", SMALL).frames == len(VIEWS)


def test_the_folders_train_and_test_are_the_split(photos: Callable, tmp_path: Path) -> None:
    folder = photos(["train/mug/red", "train/mug/blue", "test/mug/green", "Test/bowl/a"])

    report = prepare([folder], tmp_path / "data", SMALL)

    assert report.frames_of_set == {"train": 8, "test": 8}
    assert sets_of(folder) == {"mug/red": "train", "mug/blue": "train", "mug/green": "test", "bowl/a": "test"}


def test_folders_named_train_and_test_may_be_given_as_two_sources(photos: Callable, tmp_path: Path) -> None:
    folder = photos(["train/mug/red", "test/mug/green"])

    report = prepare([folder / "train", folder / "test"], tmp_path / "data", SMALL)

    assert report.frames_of_set == {"train": 4, "test": 4}


def test_an_object_in_train_and_in_test_is_an_error(photos: Callable, tmp_path: Path) -> None:
    folder = photos(["train/mug/red", "test/mug/red"])

    with pytest.raises(DataError, match=r"object mug/red is both .*rename or move"):
        prepare([folder], tmp_path / "data", SMALL)
    with pytest.raises(DataError, match="mug/red is in the set train in"):
        prepare([folder / "train", folder / "test"], tmp_path / "data", SMALL)


def test_the_same_name_in_two_categories_is_two_objects(photos: Callable) -> None:
    assert set(sets_of(photos(["train/mug/1", "test/bowl/1"]))) == {"mug/1", "bowl/1"}


def test_a_category_may_be_named_train(photos: Callable) -> None:
    episodes = folders.read(photos(["train/steam", "train/toy", "mug/red"])).episodes

    assert {episode.category for episode in episodes} == {"train", "mug"}


def test_one_of_the_folders_alone_is_noted(photos: Callable) -> None:
    source = folders.read(photos(["train/mug/red", "train/mug/blue"]))

    assert {episode.set for episode in source.episodes} == {"train"}
    assert any("the only folder is train" in note for note in source.notes)


def test_pictures_beside_one_set_are_an_error_and_beside_two_are_noted(photos: Callable) -> None:
    folder = photos(["train/mug/red", "val/mug/blue"])
    with pytest.raises(DataError, match="contains train and beside it val"):
        folders.read(folder)

    photos(["test/mug/green"])

    assert any("4 pictures skipped, in val" in note for note in folders.read(folder).notes)


def test_thirty_percent_of_each_category_are_for_testing_whatever_is_beside_it(photos: Callable) -> None:
    first = sets_of(photos([*numbered("mug", 20), *numbered("pen", 2), *numbered("bowl", 3)], views=[0]))
    again = sets_of(photos([*numbered("cup", 3)], views=[0]))

    counts = {
        name: sum(split == "test" for key, split in first.items() if key.startswith(name))
        for name in ("mug", "pen", "bowl")
    }
    assert counts == {"mug": 6, "pen": 1, "bowl": 1}
    assert first.items() <= again.items()


def test_a_single_object_of_a_category_is_for_training_with_a_note(photos: Callable) -> None:
    folder = photos([*numbered("mug", 2), "bowl/only"])

    photos(["mug/thin"], views=[0])

    assert sets_of(folder)["bowl/only"] == "train"
    assert any("1 of 4 episodes have one picture only" in note for note in folders.read(folder).notes)
    assert any("only one object in 1 of 2 categories (bowl)" in note for note in folders.read(folder).notes)


def test_what_systems_leave_behind_is_skipped_and_counted(photos: Callable, tmp_path: Path) -> None:
    folder = photos(numbered("mug", 2))
    for name in ("._img_0.jpg", ".DS_Store", "Thumbs.db", "notes.txt", "img_3.HEIC"):
        (folder / "mug/obj 0" / name).write_bytes(b"no picture")
    (folder / "__MACOSX/mug/obj 0").mkdir(parents=True)
    (folder / "__MACOSX/mug/obj 0/._img_0.jpg").write_bytes(b"no picture")

    report = prepare([folder], tmp_path / "data", SMALL)

    assert (report.frames, report.unreadable) == (2 * len(VIEWS), 0)
    said = " ".join(report.notes)
    assert "4 hidden files skipped" in said
    assert "2 files skipped" in said
    assert ".heic 1" in said
    assert "convert them to JPEG" in said


def test_recordings_of_an_object_are_episodes_and_a_folder_of_images_is_one(photos: Callable) -> None:
    folder = photos(["mug/red/monday", "mug/red/tuesday", "mug/blue/images", "mug/blue/masks", "mug/green"])

    source = folders.read(folder)

    assert {(episode.id, episode.instance) for episode in source.episodes} == {
        ("mug/red/monday", "mug/red"),
        ("mug/red/tuesday", "mug/red"),
        ("mug/blue", "mug/blue"),
        ("mug/green", "mug/green"),
    }
    assert any("4 pictures skipped, beside a folder images" in note for note in source.notes)


def test_names_of_macos_and_of_other_systems_are_the_same_object(photos: Callable) -> None:
    folder = photos([f"train/{unicodedata.normalize('NFD', 'Schlüssel')}/ä", "train/mug/a"])
    photos([f"test/{unicodedata.normalize('NFC', 'Schlüssel')}/b"])

    assert {episode.category for episode in folders.read(folder).episodes} == {
        unicodedata.normalize("NFC", "Schlüssel"), "mug",
    }  # fmt: skip


def test_angles_in_the_names_are_the_action(photos: Callable, tmp_path: Path) -> None:
    folder = photos(numbered("mug", 2), views=(0, 30, 350))

    prepare([folder], tmp_path / "data", PrepareSettings(image_size=8, angle_from_name=r"img_([0-9]+)"))
    data = PreparedData.open(tmp_path / "data")

    assert data.recorded_names == ("angle_deg",)
    actions = ActionSpace("recorded").displacement(data, np.array([0, 2]), np.array([1, 0]))
    np.testing.assert_allclose(np.degrees(actions[:, 0]), [30, 10], atol=1e-4)  # over 360 degrees


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("img_(", "is no regular expression"),
        ("img_[0-9]+", "has 0 groups, expected one"),
        ("view([0-9]+)", "no picture in .* has a name that matches"),
        (r"(img)_", "finds 'img', expected a number of degrees"),
    ],
)
def test_a_wrong_pattern_of_angles_is_an_error(photos: Callable, tmp_path: Path, pattern: str, message: str) -> None:
    folder = photos(["mug/red"])

    with pytest.raises(AasslError, match=message):
        prepare([folder], tmp_path / "data", PrepareSettings(angle_from_name=pattern))


def test_pictures_without_a_folder_for_each_object_are_refused_with_what_is_expected(
    photos: Callable, tmp_path: Path
) -> None:
    folder = photos(["mug"])

    with pytest.raises(DataError) as error:
        prepare([folder], tmp_path / "data", SMALL)

    for part in ("CATEGORY/OBJECT/*.jpg", "frames.csv", "docs/data.md", "such as mug/img_0.jpg"):
        assert part in str(error.value)


def test_tables_bags_and_published_layouts_come_first(photos: Callable) -> None:
    folder = photos(["7/0a1b/images"])
    assert layout_of(folder) == "folders"

    (folder / "mvimgnet_category.txt").write_text("7,stove\n")
    assert layout_of(folder) == "mvimgnet"
    assert layout_of(folder, last=False) == "mvimgnet"


def test_a_folder_of_picture_folders_with_tables_is_not_taken_for_photographs(photos: Callable) -> None:
    folder = photos(["scene/pictures"])
    (folder / "scene/frames.csv").write_text("")

    assert not folders.recognises(folder)


def test_a_table_that_is_too_deep_is_an_error(photos: Callable, tmp_path: Path) -> None:
    folder = photos(["train/scene/pictures"])
    (folder / "train/scene/frames.csv").write_text("")

    with pytest.raises(DataError, match=r"train/scene contains frames.csv, but is deeper"):
        prepare([folder], tmp_path / "data", SMALL)


@pytest.mark.parametrize("parts", [("train", "test"), ("train", "val")])
def test_pictures_of_a_category_in_one_folder_are_refused_because_the_objects_are_unknown(
    photos: Callable, parts: tuple[str, str]
) -> None:
    folder = photos([f"{part}/{category}" for part in parts for category in ("mug", "bowl")])
    with pytest.raises(DataError, match=r"of a category in one folder, not of an object.*Make a folder for each"):
        folders.read(folder)


def test_a_folder_of_masks_beside_the_images_is_skipped_also_if_there_are_other_pictures(photos: Callable) -> None:
    folder = photos(["mug/a", "mug/a/images", "mug/a/masks", "bowl/b"])
    assert {episode.id for episode in folders.read(folder).episodes} == {"mug/a", "mug/a/images", "bowl/b"}
