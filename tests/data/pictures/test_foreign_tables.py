"""Tables of pictures as people write them: without a split, with angles of unclear units, and from other systems."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aassl_ros.data.pictures.folder import PictureFolder
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import DataError

SMALL = PrepareSettings(image_size=8, workers=1)


def write(folder: Path, instance: str = "cup", delimiter: str = ",", **columns: list[Any]) -> Path:
    """A clip of one object with three pictures in the folder `pics`, and further columns."""
    (folder / "pics").mkdir(parents=True)
    rows = []
    for index in range(3):
        picture = np.full((12, 20, 3), 40 * index + len(instance), np.uint8)
        assert cv2.imwrite(str(folder / f"pics/{index}.png"), picture)
        row = {
            "episode": instance,
            "instance": instance,
            "category": "cup",
            "stamp": index,
            "image": f"pics/{index}.png",
        }
        rows.append({**row, **{name: values[index] for name, values in columns.items()}})
    with open(folder / "frames.csv", "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, rows[0], delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)
    return folder


def test_folders_named_train_and_test_are_the_split_of_tables_without_one(tmp_path: Path) -> None:
    write(tmp_path / "all/train", "cup")
    write(tmp_path / "all/test", "mugs")

    report = prepare([tmp_path / "all"], tmp_path / "data", SMALL)

    assert report.frames_of_set == {"test": 3, "train": 3}
    assert PreparedData.open(tmp_path / "data").instances(("test",)) == ("mugs",)
    assert any("all is in the set test, because its folder has this name" in note for note in report.notes)
    assert not any("everything is for training" in note for note in report.notes)


def test_picture_folders_in_a_source_named_test_are_for_testing(tmp_path: Path) -> None:
    write(tmp_path / "train/scene", "cup")
    write(tmp_path / "test/scene", "mugs")

    report = prepare([tmp_path / "train", tmp_path / "test"], tmp_path / "data", SMALL)

    assert report.frames_of_set == {"train": 3, "test": 3}


def test_an_object_in_the_tables_of_train_and_test_is_an_error(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / "all" / name)

    with pytest.raises(DataError, match=r"instance cup is in the set test in .*, but in train"):
        prepare([tmp_path / "all"], tmp_path / "data", SMALL)


def test_the_column_split_counts_more_than_the_name_of_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "test", split=["train"] * 3)

    assert prepare([folder], tmp_path / "data", SMALL).frames_of_set == {"train": 3}


@pytest.mark.parametrize(
    ("column", "values", "note"),
    [
        ("action.angle", [0, 10, 20], "did you mean action.angle_deg (degrees)"),
        ("action.Rotation", [0, 10, 20], "did you mean action.Rotation_deg (degrees)"),
        ("action.turn_deg", [0, 1.57, 3.14], "from 0 to 3.14 degrees: did you mean action.turn_rad"),
        ("action.turn_rad", [0, 90, 180], "from 0 to 180 rad: did you mean action.turn_deg"),
        ("azimuth", [0, 10, 20], "column azimuth: did you mean action.azimuth_deg?"),
        ("yaw_rad", [0, 1, 2], "column yaw_rad: did you mean action.yaw_rad?"),
    ],
)
def test_a_column_that_sounds_like_an_angle_of_another_form_is_noted_and_not_converted(
    tmp_path: Path, column: str, values: list[float], note: str
) -> None:
    report = prepare([write(tmp_path / "cups", **{column: values})], tmp_path / "data", SMALL)

    assert any(note in line for line in report.notes)
    if column.startswith("action."):
        np.testing.assert_array_equal(PreparedData.open(tmp_path / "data").recorded[:, 0], values)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("action.turn_deg", [0, 2, 4]),
        ("action.turn_deg", [0.5, 90.5, 180.5]),
        ("action.turn_deg", [30, 30, 30]),
        ("action.turn_deg", ["", "", ""]),
        ("action.turn_rad", [0, 3.1, 6.2]),
        ("action.distance", [0.1, 0.2, 0.3]),
    ],
)
def test_a_column_whose_unit_fits_its_values_has_no_note(tmp_path: Path, column: str, values: list[Any]) -> None:
    assert PictureFolder.read(write(tmp_path / "cups", **{column: values})).notes == ()


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_another_separator_is_named(tmp_path: Path, delimiter: str, name: str) -> None:
    folder = write(tmp_path / "cups", delimiter=delimiter, **{"action.turn_deg": ["0,5", "1,5", "2,5"]})

    with pytest.raises(DataError, match=rf"frames.csv is separated by {name}.*expected commas"):
        PictureFolder.read(folder)


def test_paths_of_windows_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "cups", image=[rf"pics\{index}.png" for index in range(3)])

    assert prepare([folder], tmp_path / "data", SMALL).frames == 3


@pytest.mark.parametrize(("stored", "written"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_in_another_unicode_form_are_found(tmp_path: Path, stored: str, written: str) -> None:
    names = [f"Fotos_für_Zoë/Tür_{index}.png" for index in range(3)]
    folder = write(tmp_path / "cups", image=[unicodedata.normalize(written, name) for name in names])
    for index, name in enumerate(names):
        place = folder / unicodedata.normalize(stored, name)
        place.parent.mkdir(exist_ok=True)
        (folder / f"pics/{index}.png").rename(place)

    assert prepare([folder], tmp_path / "data", SMALL).frames == 3


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (r"..\outside.png", "is outside"),
        (r"C:\pics\0.png", "expected a path within the folder"),
        (r"\\server\pics\0.png", "expected a path within the folder"),
        (r"pics\none.png", "there is no such file"),
    ],
)
def test_paths_of_windows_obey_the_same_rules(tmp_path: Path, image: str, message: str) -> None:
    folder = write(tmp_path / "cups", image=[image, "pics/1.png", "pics/2.png"])
    (tmp_path / "outside.png").write_bytes((folder / "pics/0.png").read_bytes())

    with pytest.raises(DataError, match=message):
        PictureFolder.read(folder)
