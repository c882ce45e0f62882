from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from aassl_ros.data.pictures.pictures import read_picture
from aassl_ros.data.readers import rt4k
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

STEMS = {"train": "dataset", "test": "dataset_test"}
TOYS = {"train": ("apple_001", "mug_012"), "test": ("apple_040",)}


@dataclass
class Copy:
    """A small RT4K to write in any of its forms; rows as the authors' tables have them."""

    folder: Path
    paint: Callable[[Path, int], bytes]
    views: tuple[int, ...] = (180, 1, 2, 90)
    toys: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(TOYS))

    def rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for toy in self.toys[name]:
            for view in self.views:
                file = f"{toy}_{view}_0_3.png"
                cells = [file, "17", toy, "0_3", "3", toy[:-4]]
                rows.append({**{str(at): cell for at, cell in enumerate(cells)}, "h5_index": len(rows)})
        return rows

    def write_files(self) -> None:
        for name in STEMS:
            for row in self.rows(name):
                self.paint(self.folder / row["2"] / row["0"], int(row["0"].split("_")[-3]))

    def write_h5(self) -> None:
        with h5py.File(self.folder / "data.h5", "w") as file:
            for name in STEMS:
                rows = self.rows(name)
                stored = file.create_dataset(name, len(rows), h5py.vlen_dtype(np.uint8))
                for row in rows:
                    data = self.paint(self.folder / "painted.png", int(row["0"].split("_")[-3]))
                    stored[row["h5_index"]] = np.frombuffer(data, np.uint8)

    def write_parquet(self, **changes: Any) -> None:
        """changes: cells to put into the first row of the training table."""
        for name, stem in STEMS.items():
            rows = self.rows(name)
            if name == "train":
                rows[0] |= {key.strip("_"): value for key, value in changes.items()}
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows[::-1]), self.folder / f"{stem}.parquet")

    def write_csv(self) -> None:
        for name, stem in STEMS.items():
            with open(self.folder / f"{stem}.csv", "w", newline="") as stream:
                csv.writer(stream).writerows([row[str(at)] for at in range(6)] for row in self.rows(name))


FORMS = {
    "data.h5 and parquet": (Copy.write_h5, Copy.write_parquet),
    "files and parquet": (Copy.write_files, Copy.write_parquet),
    "files and csv": (Copy.write_files, Copy.write_csv),
}


@pytest.fixture
def copy(tmp_path: Path, paint: Callable) -> Copy:
    return Copy(tmp_path, paint)


@pytest.mark.parametrize("form", FORMS)
def test_each_file_format_gives_the_same_toys_views_and_pictures(copy: Copy, form: str) -> None:
    for write in FORMS[form]:
        write(copy)

    source = rt4k.read(copy.folder)

    found = {episode.id: (episode.instance, episode.category, episode.set) for episode in source.episodes}
    assert found == {
        "apple_001/0_3": ("apple_001", "apple", "train"),
        "mug_012/0_3": ("mug_012", "mug", "train"),
        "apple_040/0_3": ("apple_040", "apple", "test"),
    }
    for episode in source.episodes:
        assert [read_picture(image, 8).pixels[0, 0, 0] for image in episode.images] == [1, 2, 90, 180]


def test_the_turn_between_two_views_is_two_degrees_a_view_about_the_vertical(copy: Copy) -> None:
    copy.write_files()
    copy.write_parquet()

    poses = np.asarray(rt4k.read(copy.folder).episodes[0].states.object_pose)

    first, second = poses[[0, 0, 3], 3:], poses[[1, 2, 0], 3:]
    turns = rotations.to_rotation_vector(rotations.multiply(second, rotations.inverse(first)))
    np.testing.assert_allclose(np.degrees(turns), [[0, 2, 0], [0, 178, 0], [0, 2, 0]], atol=1e-9)  # 180 to 1 too
    np.testing.assert_array_equal(poses[:, :3], np.tile([0, 0, 1], (4, 1)))


def test_the_recorded_turn_is_in_degrees(copy: Copy) -> None:
    copy.write_files()
    copy.write_parquet()

    states = rt4k.read(copy.folder).episodes[0].states

    assert tuple(states.recorded_names) == ("turn_deg",)
    np.testing.assert_allclose(np.asarray(states.recorded)[:, 0], [2, 4, 180, 360])


def test_a_toy_shown_twice_on_one_background_gives_two_episodes(copy: Copy) -> None:
    copy.toys["train"] = ("mug_012", "mug_012")
    copy.write_files()
    copy.write_parquet()

    ids = [episode.id for episode in rt4k.read(copy.folder).episodes]

    assert ids == ["mug_012/0_3", "mug_012/0_3/2", "apple_040/0_3"]


def test_toys_with_few_views_are_noted(copy: Copy) -> None:
    copy.write_files()
    copy.write_parquet()

    assert rt4k.read(copy.folder).notes == ("3 of 3 episodes have fewer than 180 views",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_0": "mug.png"}, "expected OBJECT_VIEW_ORIENTATION_PLACE.png"),
        ({"_0": "apple_001_181_0_3.png"}, "a view from 1 to 180"),
        ({"_0": "apple_001_77_0_3.png"}, "is missing"),
        ({"_2": "../apple_001"}, "is missing"),
    ],
)
def test_the_error_names_a_wrong_row(copy: Copy, changes: dict[str, str], message: str) -> None:
    copy.write_files()
    copy.write_parquet(**changes)

    with pytest.raises(DataError, match=message):
        rt4k.read(copy.folder)


def test_a_toy_in_both_sets_is_refused(copy: Copy) -> None:
    copy.toys["test"] = copy.toys["train"][:1]
    copy.write_files()
    copy.write_parquet()

    with pytest.raises(DataError, match="object apple_001 is also in the table of the other set"):
        rt4k.read(copy.folder)


def test_a_number_beyond_the_stored_pictures_is_refused(copy: Copy) -> None:
    copy.write_h5()
    copy.write_parquet(h5_index=99)

    with pytest.raises(DataError, match="number 99, but the set train has only 8 pictures"):
        rt4k.read(copy.folder)


def test_a_missing_table_is_named(copy: Copy) -> None:
    copy.write_files()
    copy.write_parquet()
    (copy.folder / "dataset_test.parquet").unlink()

    with pytest.raises(DataError, match=r"has no dataset_test.parquet"):
        rt4k.read(copy.folder)


def test_a_table_of_another_data_set_is_refused(copy: Copy) -> None:
    """The authors' tables of CO3D and MVImgNet have the same name and other columns."""
    copy.write_parquet()
    table = pyarrow.table({"category": ["apple"], "object": ["a"]})
    pyarrow.parquet.write_table(table, copy.folder / "dataset.parquet")

    with pytest.raises(DataError, match=r"has no column '0' \(found: category, object\): is this RT4K"):
        rt4k.read(copy.folder)


@pytest.mark.parametrize("name", ["data.h5", "dataset.parquet"])
def test_damaged_files_are_named(copy: Copy, name: str) -> None:
    copy.write_h5()
    copy.write_parquet()
    file = copy.folder / name
    file.write_bytes(file.read_bytes()[:60])

    with pytest.raises(DataError, match=f"{name} is damaged"):
        rt4k.read(copy.folder)


def test_stored_pictures_lacking_a_set_are_named(copy: Copy) -> None:
    copy.write_parquet()
    h5py.File(copy.folder / "data.h5", "w").close()

    with pytest.raises(DataError, match=r"has no set 'train' \(found: none\)"):
        rt4k.read(copy.folder)


def test_a_csv_without_picture_numbers_is_refused_with_stored_pictures(copy: Copy) -> None:
    copy.write_h5()
    copy.write_csv()

    with pytest.raises(DataError, match=r"Use the \.parquet tables"):
        rt4k.read(copy.folder)


def test_a_csv_of_fewer_columns_is_refused(copy: Copy) -> None:
    copy.write_csv()
    (copy.folder / "dataset.csv").write_text("a,b\n")

    with pytest.raises(DataError, match="row 1: 2 cells, expected 6 or more"):
        rt4k.read(copy.folder)


def test_a_package_that_is_missing_is_named_with_its_command(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.write_parquet()
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(DataError, match=r"needs pyarrow.*pip install 'aassl_ros\[datasets\]'"):
        rt4k.read(copy.folder)
