from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.readers import co3d
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

FLIP = np.diag([-1.0, -1.0, 1.0])
HEIGHT, WIDTH = 12, 16
SEQUENCE = "110_13051_23361"


def viewpoint(
    camera: NDArray[np.float64], focal: NDArray[np.float64], principal: NDArray[np.float64], units: str | None
) -> dict[str, Any]:
    """PyTorch3D's R and T of the world's pose in the optical frame. focal, principal: in halves of the shorter side."""
    scale = np.array([HEIGHT / WIDTH, 1.0]) if units != "ndc_isotropic" else np.ones(2)
    values = {
        "R": (FLIP @ rotations.to_matrix(camera[3:])).T.tolist(),
        "T": (FLIP @ camera[:3]).tolist(),
        "focal_length": (focal * scale).tolist(),
        "principal_point": (principal * scale).tolist(),
    }
    return values if units is None else {**values, "intrinsics_format": units}


def write_gzipped(file: Path, values: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(json.dumps(values).encode()))


@pytest.fixture
def category(tmp_path: Path, paint: Callable, make_scene: Callable) -> Callable[..., list[dict[str, Any]]]:
    def make(
        name: str = "apple", sequences: tuple[str, ...] = (SEQUENCE,), views: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        """A category's folder; views: the viewpoints of each sequence's frames. Its frame annotations, last frame
        first.
        """
        views = views if views is not None else [None] * 3
        frames = []
        for sequence in sequences:
            for number, view in enumerate(views):
                path = f"{name}/{sequence}/images/frame{number + 1:06d}.jpg"
                paint(tmp_path / path, 20 * number)
                image = {"path": path, "size": [HEIGHT, WIDTH]}
                frame = {"sequence_name": sequence, "frame_number": number, "frame_timestamp": number / 4}
                frames.append({**frame, "image": image, "viewpoint": view, "mask": None})
        write_gzipped(tmp_path / name / "frame_annotations.jgz", frames[::-1])
        whole = [{"sequence_name": sequence, "category": name} for sequence in sequences]
        write_gzipped(tmp_path / name / "sequence_annotations.jgz", whole)
        return frames

    return make


@pytest.mark.parametrize("units", [None, "ndc_norm_image_bounds", "ndc_isotropic"])
@pytest.mark.parametrize("world", [0, 1, 2])
def test_displacements_do_not_depend_on_the_world_frame(
    tmp_path: Path, category: Callable, make_scene: Callable, check_displacements: Callable, units: str, world: int
) -> None:
    """The object stands where the pictures' centres look, which is not along the axis."""
    rng = np.random.default_rng(world)
    focal, principal = rng.uniform(1, 3, (6, 2)), rng.uniform(-0.2, 0.2, (6, 2))
    scene = make_scene(7, sights=np.column_stack([principal / focal, np.ones(6)]), world=world)
    category(views=[viewpoint(*view, units) for view in zip(scene.cameras, focal, principal, strict=True)])

    (episode,) = co3d.read(tmp_path).episodes

    check_displacements(episode, scene.object_poses)
    assert tuple(episode.states.recorded_names) == ("focal_x", "focal_y")
    np.testing.assert_allclose(np.asarray(episode.states.recorded), focal)


def test_frames_are_in_order_with_their_times_and_category(tmp_path: Path, category: Callable) -> None:
    category()

    (episode,) = co3d.read(tmp_path).episodes

    assert [Path(str(image)).name for image in episode.images] == [
        "frame000001.jpg",
        "frame000002.jpg",
        "frame000003.jpg",
    ]
    assert np.asarray(episode.states.stamps_ns).tolist() == [0, 250_000_000, 500_000_000]
    assert (episode.id, episode.category) == (f"apple/{SEQUENCE}", "apple")


def test_times_that_do_not_increase_are_replaced_by_frame_numbers(tmp_path: Path, category: Callable) -> None:
    frames = category()
    write_gzipped(tmp_path / "apple/frame_annotations.jgz", [{**frame, "frame_timestamp": -1.0} for frame in frames])

    source = co3d.read(tmp_path)

    assert np.asarray(source.episodes[0].states.stamps_ns).tolist() == [0, 1_000_000_000, 2_000_000_000]
    assert any("time stamps do not increase" in note for note in source.notes)


def test_a_frame_without_a_viewpoint_has_no_pose(tmp_path: Path, category: Callable, make_scene: Callable) -> None:
    scene = make_scene(8)
    views = [viewpoint(camera, np.ones(2), np.zeros(2), None) for camera in scene.cameras]
    mirrored = {**views[1], "R": (-np.asarray(views[1]["R"])).tolist()}
    category(views=[None, mirrored, *views[2:]])

    source = co3d.read(tmp_path)

    known = np.isfinite(np.asarray(source.episodes[0].states.object_pose)).all(axis=1)
    assert known.tolist() == [False, False, True, True, True, True]
    assert any("2 frames without a viewpoint" in note for note in source.notes)


def entries(sequence: str, count: int = 3) -> list[list[Any]]:
    return [[sequence, number, f"apple/{sequence}/images/frame{number + 1:06d}.jpg"] for number in range(count)]


def test_the_lists_of_version_1_split_the_sequences(tmp_path: Path, category: Callable) -> None:
    category(sequences=("a", "b", "c"))
    lists = {"train_known": entries("a", 2), "train_unseen": entries("a")[2:], "test_known": entries("b")}
    (tmp_path / "apple/set_lists.json").write_text(json.dumps({**lists, "test_unseen": []}))

    source = co3d.read(tmp_path)

    assert {episode.id: episode.set for episode in source.episodes} == {
        "apple/a": "train", "apple/b": "test", "apple/c": "train",
    }  # fmt: skip
    assert any("1 sequences in no set list" in note for note in source.notes)


def test_the_lists_of_version_2_split_the_sequences_and_hide_pictures(tmp_path: Path, category: Callable) -> None:
    category(sequences=("a", "b", "c"))
    folder = tmp_path / "apple/set_lists"
    folder.mkdir()
    every = {"train": entries("a"), "val": [], "test": entries("a")}
    (folder / "set_lists_fewview_train.json").write_text(json.dumps(every))
    (folder / "set_lists_fewview_dev.json").write_text(json.dumps({"train": entries("b"), "val": [], "test": []}))
    hidden = {"train": entries("c", 2), "val": [], "test": entries("c")[2:]}
    (folder / "set_lists_fewview_test.json").write_text(json.dumps(hidden))

    source = co3d.read(tmp_path)

    found = {episode.id: (episode.set, len(episode.images)) for episode in source.episodes}
    assert found == {"apple/a": ("train", 3), "apple/b": ("test", 3), "apple/c": ("test", 2)}
    assert any("1 pictures hidden for the challenge" in note for note in source.notes)


def test_without_lists_sequences_are_split_by_a_hash(tmp_path: Path, category: Callable) -> None:
    category(sequences=tuple(f"s{number}" for number in range(20)), views=[None])

    source = co3d.read(tmp_path)

    assert {episode.set for episode in source.episodes} == {"train", "test"}
    assert any("20 sequences split by a hash" in note for note in source.notes)


def test_a_sequence_that_was_not_downloaded_is_skipped(tmp_path: Path, category: Callable) -> None:
    category(sequences=("a", "b"))
    (tmp_path / "apple/a").rename(tmp_path / "elsewhere")

    source = co3d.read(tmp_path)

    assert [episode.id for episode in source.episodes] == ["apple/b"]
    assert any("1 sequences without a folder" in note for note in source.notes)


def test_a_frame_whose_picture_is_missing_is_an_error(tmp_path: Path, category: Callable) -> None:
    category()
    (tmp_path / f"apple/{SEQUENCE}/images/frame000002.jpg").unlink()

    with pytest.raises(DataError, match=rf"sequence {SEQUENCE}, frame 1: picture .* is missing"):
        co3d.read(tmp_path)


@pytest.mark.parametrize("name", ["frame_annotations.jgz", "sequence_annotations.jgz"])
def test_missing_annotations_are_named(tmp_path: Path, category: Callable, name: str) -> None:
    category()
    (tmp_path / "apple" / name).unlink()

    with pytest.raises(DataError, match=f"{name} is missing"):
        co3d.read(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:40], lambda data: b"{}", lambda data: gzip.compress(b"[{")])
def test_damaged_annotations_are_named(tmp_path: Path, category: Callable, damage: Callable[[bytes], bytes]) -> None:
    category()
    file = tmp_path / "apple/frame_annotations.jgz"
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(DataError, match=r"frame_annotations.jgz is damaged"):
        co3d.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None}, "expected CO3D's fields"),
        ({"image": {"path": "../secret.jpg", "size": [1, 1]}}, "is outside"),
        ({"sequence_name": "unknown"}, "lacks sequence unknown"),
        ({"viewpoint": {"R": [1, 2], "T": [0, 0, 0]}}, "expected CO3D's fields"),
    ],
)
def test_annotations_of_another_format_are_refused(
    tmp_path: Path, category: Callable, change: dict[str, Any], message: str
) -> None:
    frames = category()
    write_gzipped(tmp_path / "apple/frame_annotations.jgz", [*frames[1:], {**frames[0], **change}])

    with pytest.raises(DataError, match=message):
        co3d.read(tmp_path)


def test_damaged_lists_are_named(tmp_path: Path, category: Callable) -> None:
    category()
    (tmp_path / "apple/set_lists.json").write_text('{"train_known": [1, 2]}')

    with pytest.raises(DataError, match=r"set_lists.json is damaged"):
        co3d.read(tmp_path)


def test_the_folder_of_one_category_is_refused(tmp_path: Path, category: Callable) -> None:
    category()

    with pytest.raises(DataError, match="is one category of CO3D"):
        co3d.read(tmp_path / "apple")
