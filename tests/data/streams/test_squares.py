"""Images decoded directly to the square of training are those decoded in full and then reduced."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.streams.encodings import ENCODINGS
from aassl_ros.data.streams.images import to_square
from aassl_ros.data.streams.messages import frame_from_message
from aassl_ros.data.streams.squares import jpeg_reduction, jpeg_size, square_from_message
from aassl_ros.errors import DataError

# Of 255 levels. docs/prepare.md tells these bounds.
MEAN, MOST_OF_THEM = 1.0, 8


def raw(encoding: str, height: int, width: int, padding: int = 0) -> Any:
    form = ENCODINGS[encoding]
    step = form.row_bytes(width) + padding
    data = np.random.default_rng(0).integers(0, 256, round(height * form.rows) * step, np.uint8)
    return SimpleNamespace(encoding=encoding, height=height, width=width, step=step, is_bigendian=0, data=data)


def scene(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    """Smooth colours, fine noise, and thin sharp lines, which are hard to reduce."""
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    picture = cv2.add(np.asarray(picture, np.uint8), rng.integers(0, 12, picture.shape, np.uint8))
    for _ in range(60):
        ends = rng.integers(0, (width, height, width, height)).tolist()
        colour = rng.integers(0, 255, 3).tolist()
        cv2.line(picture, ends[:2], ends[2:], colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def jpeg(picture: NDArray[np.uint8], *options: int, format: str = "bgr8; jpeg compressed bgr8") -> Any:
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90, *options])[1]
    return SimpleNamespace(format=format, data=encoded.ravel())


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize(("height", "width", "padding"), [(48, 64, 0), (64, 48, 16), (8, 12, 0), (16, 16, 0)])
def test_a_raw_image_gives_exactly_the_same_pixels(encoding: str, height: int, width: int, padding: int) -> None:
    message = raw(encoding, height, width, padding)

    square = square_from_message(message, 16)

    np.testing.assert_array_equal(square.pixels, to_square(frame_from_message(message), 16))
    assert square.size == (height, width)


@pytest.mark.parametrize("size", [64, 32, 20])
@pytest.mark.parametrize("sampling", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)], ids=["baseline", "progressive"])
def test_a_reduced_jpeg_differs_little_from_one_decoded_in_full(size: int, sampling: tuple[int, ...]) -> None:
    message = jpeg(scene(), *sampling)
    assert jpeg_reduction((480, 640), size) > 1

    square = square_from_message(message, size)

    difference = np.abs(square.pixels.astype(int) - to_square(frame_from_message(message), size))
    assert 0 < difference.mean() < MEAN
    assert np.percentile(difference, 99) <= MOST_OF_THEM
    assert square.size == (480, 640)


def test_a_small_jpeg_is_decoded_in_full() -> None:
    message = jpeg(scene())
    square = square_from_message(message, 128)
    np.testing.assert_array_equal(square.pixels, to_square(frame_from_message(message), 128))


@pytest.mark.parametrize(
    ("original", "size", "factor"),
    [((480, 640), 64, 2), ((480, 640), 81, 1), ((1080, 1920), 64, 4), ((2160, 3840), 64, 8), ((63, 900), 64, 1)],
)
def test_a_jpeg_is_reduced_only_while_it_stays_three_times_the_size(
    original: tuple[int, int], size: int, factor: int
) -> None:
    assert jpeg_reduction(original, size) == factor


def test_the_size_of_a_jpeg_is_read_from_its_header_or_unknown() -> None:
    data = jpeg(scene(30, 50)).data
    assert jpeg_size(data) == (30, 50)
    for cut in range(0, 200, 7):
        assert jpeg_size(data[:cut]) in (None, (30, 50))
    assert jpeg_size(np.random.default_rng(0).integers(0, 256, 5000, np.uint8)) is None


def test_a_cut_jpeg_and_depth_are_refused_as_in_full() -> None:
    whole = jpeg(scene())
    for message in (
        SimpleNamespace(format="jpeg", data=whole.data[:-2]),
        SimpleNamespace(format="16UC1; compressedDepth", data=whole.data),
    ):
        with pytest.raises(DataError) as direct:
            square_from_message(message, 64)
        with pytest.raises(DataError) as full:
            frame_from_message(message)
        assert str(direct.value) == str(full.value)
