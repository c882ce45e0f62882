"""Large pictures: JPEG is decoded at a part of its size, and what the centre square cuts away is noted."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.cli.main import main
from aassl_ros.data.pictures.pictures import read_picture
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.streams.images import to_square
from aassl_ros.data.streams.squares import square_from_message

SIZE = 32
# Of 255 levels, as docs/prepare.md says.
MEAN, MOST_OF_THEM = 1.0, 8


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth colours that differ in every corner, and lines."""
    rng = np.random.default_rng(0)
    picture = np.asarray(cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (width, height)), np.uint8)
    for _ in range(20):
        ends = rng.integers(0, (width, height, width, height)).tolist()
        cv2.line(picture, ends[:2], ends[2:], rng.integers(0, 255, 3).tolist(), 3, cv2.LINE_AA)
    return picture


def turned_jpeg(picture: NDArray[np.uint8], orientation: int) -> bytes:
    """A JPEG whose EXIF data say how it is to be turned."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_large_jpeg_is_decoded_at_a_part_of_its_size_and_turned_by_its_exif_data(
    tmp_path: Path, orientation: int
) -> None:
    file = tmp_path / "large.jpg"
    file.write_bytes(turned_jpeg(scene(960, 1280), orientation))

    square = read_picture(file, SIZE)

    full = cv2.imread(str(file))
    assert full is not None
    assert square.size == full.shape[:2] == ((960, 1280) if orientation in (1, 3) else (1280, 960))
    difference = np.abs(square.pixels.astype(int) - to_square(np.asarray(full, np.uint8), SIZE)[..., ::-1])
    assert 0 < difference.mean() < MEAN
    assert np.percentile(difference, 99) <= MOST_OF_THEM


def test_a_picture_file_and_a_compressed_image_in_a_bag_give_the_same_frame(tmp_path: Path) -> None:
    class Message:
        format = "jpeg"
        data = turned_jpeg(scene(480, 640), 1)

    (tmp_path / "one.jpg").write_bytes(Message.data)

    np.testing.assert_array_equal(
        read_picture(tmp_path / "one.jpg", SIZE).pixels, square_from_message(Message(), SIZE).pixels
    )


def photos(folder: Path, height: int, width: int) -> Path:
    for index in range(3):
        place = folder / f"mug/red/{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(place), np.full((height, width, 3), index, np.uint8))
    return folder


@pytest.mark.parametrize(
    ("height", "width", "cut"), [(90, 160, "44%"), (160, 90, "44%"), (120, 160, ""), (100, 100, "")]
)
def test_what_the_centre_square_cuts_away_is_noted(tmp_path: Path, height: int, width: int, cut: str) -> None:
    report = prepare([photos(tmp_path / "photos", height, width)], tmp_path / "data", PrepareSettings(image_size=8))

    notes = [note for note in report.notes if "centre square" in note]
    assert len(notes) == bool(cut)
    assert all(f"cuts {cut} off the longer side" in note and f"{width} x {height} pixels" in note for note in notes)


def test_the_command_says_the_size_of_the_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photos(tmp_path / "photos", 20, 20)

    assert main(["prepare", str(folder), "-o", str(tmp_path / "data"), "--image-size", "8"]) == 0

    assert "(train 3), 8 x 8 pixels" in capsys.readouterr().out
