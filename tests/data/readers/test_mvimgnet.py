from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.readers import mvimgnet
from aassl_ros.data.readers.colmap import read_camera_poses
from aassl_ros.errors import DataError


def write_binary(file: Path, names: list[str], cameras: NDArray[np.float64]) -> None:
    """COLMAP's images.bin, each image with some points; every second quaternion with the other sign."""
    parts = [struct.pack("<Q", len(names))]
    for index, (name, (px, py, pz, x, y, z, w)) in enumerate(zip(names, cameras, strict=True)):
        sign = 1 - 2 * (index % 2)
        parts.append(struct.pack("<I7dI", index + 1, sign * w, sign * x, sign * y, sign * z, px, py, pz, 1))
        parts.append(name.encode() + b"\0" + struct.pack("<Q", index) + struct.pack("<ddq", 1.5, 2.5, -1) * index)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(parts))


def write_text(file: Path, names: list[str], cameras: NDArray[np.float64]) -> None:
    """COLMAP's images.txt: the first image without points, which is an empty line."""
    lines = ["# Image list with two lines of data per image:"]
    for index, (name, (px, py, pz, x, y, z, w)) in enumerate(zip(names, cameras, strict=True)):
        lines.append(f"{index + 1} {w!r} {x!r} {y!r} {z!r} {px!r} {py!r} {pz!r} 1 {name}".replace("np.float64", ""))
        lines.append("1.5 2.5 -1 " * index)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines).replace("(", "").replace(")", "") + "\n")


WRITERS = {"images.bin": write_binary, "images.txt": write_text}


@pytest.fixture
def clip(tmp_path: Path, make_scene: Callable, paint: Callable) -> Callable[..., Path]:
    def make(
        name: str = "7/0a1b2c3d", scene: Any = None, registered: int = 6, model: str = "images.bin", count: int = 6
    ) -> Path:
        """A clip of `count` pictures, the first `registered` of them in the model."""
        scene = scene or make_scene(1)
        names = [f"{index:03d}.jpg" for index in range(count)]
        for index, file in enumerate(names):
            paint(tmp_path / name / "images" / file, 20 * index)
        if registered:
            WRITERS[model](
                tmp_path / name / "sparse/0" / model, names[:registered][::-1], scene.cameras[:registered][::-1]
            )
        return tmp_path / name

    return make


@pytest.mark.parametrize("model", WRITERS)
@pytest.mark.parametrize("world", [0, 1, 2])
def test_displacements_do_not_depend_on_the_world_frame(
    tmp_path: Path, clip: Callable, make_scene: Callable, check_displacements: Callable, model: str, world: int
) -> None:
    scene = make_scene(5, world=world)
    clip(scene=scene, model=model)

    (episode,) = mvimgnet.read(tmp_path).episodes

    check_displacements(episode, scene.object_poses)


def test_pictures_are_in_order_of_their_names(tmp_path: Path, clip: Callable) -> None:
    folder = clip()

    (episode,) = mvimgnet.read(tmp_path).episodes

    assert list(episode.images) == sorted((folder / "images").iterdir())
    assert (np.diff(episode.states.stamps_ns) == 1_000_000_000).all()


def test_pictures_are_in_natural_order_and_hidden_files_are_skipped(tmp_path: Path, paint: Callable) -> None:
    for index in (10, 2, 1):
        paint(tmp_path / "7/0a1b/images" / f"img_{index}.jpg", index)
    (tmp_path / "7/0a1b/images/._img_1.jpg").write_bytes(b"a file of macOS")
    (tmp_path / "7/.DS_Store").write_bytes(b"another")

    source = mvimgnet.read(tmp_path)

    assert [Path(str(image)).name for image in source.episodes[0].images] == ["img_1.jpg", "img_2.jpg", "img_10.jpg"]
    assert any("1 hidden files" in note for note in source.notes)


def test_numbered_folders_without_a_model_are_not_taken_for_mvimgnet(tmp_path: Path, clip: Callable) -> None:
    clip(registered=0)
    assert not mvimgnet.recognises(tmp_path)
    assert mvimgnet.accepts(tmp_path)

    clip("7/0a1b2c3e")
    assert mvimgnet.recognises(tmp_path)


def test_a_picture_that_was_not_registered_has_no_pose(tmp_path: Path, clip: Callable) -> None:
    clip(registered=4)

    source = mvimgnet.read(tmp_path)

    known = np.isfinite(np.asarray(source.episodes[0].states.object_pose)).all(axis=1)
    assert known.tolist() == [True] * 4 + [False] * 2
    assert any("2 pictures" in note and "not in the model" in note for note in source.notes)


def test_a_clip_without_a_model_keeps_its_pictures(tmp_path: Path, clip: Callable) -> None:
    clip(registered=0)

    source = mvimgnet.read(tmp_path)

    assert len(source.episodes[0].images) == 6
    assert np.isnan(np.asarray(source.episodes[0].states.object_pose)).all()
    assert any("1 clips without a COLMAP model" in note for note in source.notes)


def test_a_clip_without_pictures_is_skipped(tmp_path: Path, clip: Callable) -> None:
    clip()
    (tmp_path / "7/empty/images").mkdir(parents=True)

    source = mvimgnet.read(tmp_path)

    assert [episode.id for episode in source.episodes] == ["7/0a1b2c3d"]
    assert any("1 clips without pictures" in note for note in source.notes)


@pytest.mark.parametrize(
    ("file", "text"),
    [("mvimgnet_category.txt", "0,bag\r\n7, stove\r\n"), ("mvimgnet2_category.json", '{"0": "bag", "7": "stove"}')],
)
def test_categories_have_the_publishers_names_if_their_file_exists(
    tmp_path: Path, clip: Callable, file: str, text: str
) -> None:
    clip()
    assert mvimgnet.read(tmp_path).episodes[0].category == "7"

    (tmp_path / file).write_text(text)

    assert mvimgnet.read(tmp_path).episodes[0].category == "stove"


def test_instances_are_split_by_a_hash_of_their_names(tmp_path: Path, clip: Callable) -> None:
    for number in range(30):
        clip(f"{number % 3}/{number:08x}", registered=0, count=1)

    sets = {episode.instance: episode.set for episode in mvimgnet.read(tmp_path).episodes}

    assert sets == {episode.instance: episode.set for episode in mvimgnet.read(tmp_path).episodes}
    assert 2 <= list(sets.values()).count("test") <= 12


@pytest.mark.parametrize("cut", [4, 30, 75, 200])
def test_a_truncated_model_is_damaged(clip: Callable, cut: int) -> None:
    model = clip() / "sparse/0/images.bin"
    model.write_bytes(model.read_bytes()[:cut])

    with pytest.raises(DataError, match=r"images.bin is damaged"):
        read_camera_poses(model.parent)


def test_a_model_of_other_bytes_is_damaged(clip: Callable) -> None:
    model = clip() / "sparse/0/images.bin"
    model.write_bytes(struct.pack("<Q", 1) + b"not a model at all, but long enough to be taken for one, and then " * 3)

    with pytest.raises(DataError, match=r"images.bin is damaged"):
        read_camera_poses(model.parent)


def test_a_text_model_with_a_line_too_short_is_damaged(clip: Callable) -> None:
    model = clip(model="images.txt") / "sparse/0/images.txt"
    model.write_text("1 1.0 0.0 0.0\n\n")

    with pytest.raises(DataError, match=r"images.txt is damaged.*4 fields, expected 10"):
        read_camera_poses(model.parent)


def test_a_model_of_other_pictures_is_refused(tmp_path: Path, clip: Callable, make_scene: Callable) -> None:
    folder = clip()
    write_binary(folder / "sparse/0/images.bin", ["elsewhere/x.jpg"], make_scene(1, count=1).cameras)

    with pytest.raises(DataError, match=r"belongs to other pictures: it names x.jpg, but the clip has 000.jpg"):
        mvimgnet.read(tmp_path)


def test_a_damaged_file_of_names_is_an_error(tmp_path: Path, clip: Callable) -> None:
    clip()
    (tmp_path / "mvimgnet_category.txt").write_text("0;bag\n")

    with pytest.raises(DataError, match=r"mvimgnet_category.txt cannot be read"):
        mvimgnet.read(tmp_path)


def test_no_clip_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "7/0a1b2c3d/images").mkdir(parents=True)

    with pytest.raises(DataError, match="contains no MVImgNet clip with pictures"):
        mvimgnet.read(tmp_path)
