"""A gallery of labelled frames: made from prepared data, saved to a folder, refused with one line if damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.benchmarks.patterns import CATEGORIES, write_patterns
from aassl_ros.errors import DataError
from aassl_ros.learning.recognition.gallery import Gallery, open_gallery


@pytest.fixture
def gallery() -> Gallery:
    frames = np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    return Gallery(frames, ("mug", "box", "mug", "box"), ("mug_1", "box_1", "mug_2", "box_1"))


def test_categories_are_sorted_and_each_frame_knows_its_own(gallery: Gallery) -> None:
    assert gallery.categories == ("box", "mug")
    assert gallery.targets.tolist() == [1, 0, 1, 0]


def test_a_gallery_comes_back_from_its_folder_as_it_was(gallery: Gallery, tmp_path: Path) -> None:
    gallery.save(tmp_path / "gallery")
    again = open_gallery(tmp_path / "gallery")
    np.testing.assert_array_equal(again.frames, gallery.frames)
    assert (again.labels, again.instances) == (gallery.labels, gallery.instances)


def test_prepared_data_give_so_many_frames_of_each_instance_spread_over_its_episode(tmp_path: Path) -> None:
    data = write_patterns(tmp_path / "data", instances=2, frames=10)
    gallery = open_gallery(tmp_path / "data", per_instance=2)
    assert gallery.categories == CATEGORIES
    assert len(gallery.frames) == 3 * 2 * 2
    np.testing.assert_array_equal(gallery.frames[:2], data.frames[[0, 9]])
    assert gallery.instances[:4] == ("lying_0000", "lying_0000", "lying_0001", "lying_0001")


def test_only_the_sets_asked_for_are_taken(tmp_path: Path) -> None:
    write_patterns(tmp_path / "data", instance_set="test")
    with pytest.raises(DataError, match="no labelled episode of the sets train"):
        open_gallery(tmp_path / "data")
    assert open_gallery(tmp_path / "data", sets=("test",)).categories == CATEGORIES


def test_frames_are_resized_to_what_an_encoder_takes(gallery: Gallery) -> None:
    assert gallery.at_size(8) is gallery.frames
    assert gallery.at_size(16).shape == (4, 16, 16, 3)


def test_an_error_for_another_folder_names_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected prepared data or a gallery folder"):
        open_gallery(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        open_gallery(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["labels", "frames", "count", "kind"])
def test_a_damaged_gallery_is_one_of_our_errors(gallery: Gallery, tmp_path: Path, damage: str) -> None:
    gallery.save(tmp_path)
    if damage == "labels":
        (tmp_path / "labels.json").write_text("{")
    elif damage == "frames":
        (tmp_path / "frames.npy").write_bytes(b"no array")
    elif damage == "count":
        (tmp_path / "labels.json").write_text(json.dumps({"format": 1, "labels": ["mug"], "instances": ["mug_1"]}))
    else:
        np.save(tmp_path / "frames.npy", gallery.frames.astype(np.float32))
    with pytest.raises(DataError):
        open_gallery(tmp_path)


def test_no_category_may_be_called_unknown(gallery: Gallery) -> None:
    with pytest.raises(DataError, match="__unknown__"):
        Gallery(gallery.frames, ("mug", "__unknown__", "mug", "box"), gallery.instances)


def test_a_folder_that_cannot_be_written_is_one_of_our_errors(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        gallery.save(tmp_path / "file" / "gallery")
