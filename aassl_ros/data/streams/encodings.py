"""Encodings of sensor_msgs/Image: how many bytes they take, where each row begins, and how they become RGB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError

Bytes = NDArray[np.uint8]

# Rows of the other row length must be this much more alike before the given `step` is doubted.
_MUCH_ALIKE = 0.7


@dataclass(frozen=True)
class Encoding:
    """How pixels are stored.

    Attributes:
        channels: values per pixel in a row.
        item_bytes: bytes per value, 1 or 2.
        conversion: OpenCV's conversion to RGB; None if the pixels are RGB.
        rows: rows of data per row of pixels: 1.5 if half as many rows of colour follow the brightness, 3 if two
            rows of colour follow each row of brightness.
    """

    channels: int
    item_bytes: int
    conversion: int | None
    rows: float = 1.0

    def row_bytes(self, width: int) -> int:
        """Bytes of a row without padding."""
        return width * self.channels * self.item_bytes


def _encodings() -> dict[str, Encoding]:
    found: dict[str, Encoding] = {}
    for name, channels, conversion in (
        ("rgb", 3, None),
        ("bgr", 3, cv2.COLOR_BGR2RGB),
        ("rgba", 4, cv2.COLOR_RGBA2RGB),
        ("bgra", 4, cv2.COLOR_BGRA2RGB),
        ("mono", 1, cv2.COLOR_GRAY2RGB),
        # OpenCV names a Bayer pattern by its second row, ROS by its first row, so RGGB is BG in OpenCV.
        ("bayer_rggb", 1, cv2.COLOR_BayerBG2RGB),
        ("bayer_bggr", 1, cv2.COLOR_BayerRG2RGB),
        ("bayer_gbrg", 1, cv2.COLOR_BayerGR2RGB),
        ("bayer_grbg", 1, cv2.COLOR_BayerGB2RGB),
    ):
        found[f"{name}8"] = Encoding(channels, 1, conversion)
        found[f"{name}16"] = Encoding(channels, 2, conversion)
    found["8UC1"], found["16UC1"] = found["mono8"], found["mono16"]
    found["yuv422"] = found["uyvy"] = Encoding(2, 1, cv2.COLOR_YUV2RGB_UYVY)
    found["yuv422_yuy2"] = found["yuyv"] = Encoding(2, 1, cv2.COLOR_YUV2RGB_YUY2)
    found["nv12"] = Encoding(1, 1, cv2.COLOR_YUV2RGB_NV12, rows=1.5)
    found["nv21"] = Encoding(1, 1, cv2.COLOR_YUV2RGB_NV21, rows=1.5)
    found["nv24"] = Encoding(1, 1, cv2.COLOR_YUV2RGB_NV12, rows=3.0)
    return found


ENCODINGS: Mapping[str, Encoding] = _encodings()
"""Every encoding that can be read, by its name in the message."""


def find_encoding(name: str) -> Encoding:
    """Look up an encoding. Raises DataError with the known ones if it is unknown."""
    if name not in ENCODINGS:
        raise DataError(
            f"An image has encoding {name!r}, expected one of {', '.join(ENCODINGS)}. Set another one in the driver."
        )
    return ENCODINGS[name]


@dataclass(frozen=True)
class RowLayout:
    """Where the rows of an image are.

    Attributes:
        rows: number of rows of data.
        step: bytes from one row to the next.
        doubtful_step: if not 0, the data also fit rows of this many bytes: only the pixels tell which is right.
    """

    rows: int
    step: int
    doubtful_step: int = 0


def find_layout(name: str, height: int, width: int, step: int, size: int) -> RowLayout:
    """Find where the rows of a sensor_msgs/Image are, from its header alone.

    Args:
        name: the encoding.
        height, width: pixels.
        step: bytes per row, as the message says. If it is wrong but the data are exactly the pixels without padding,
            they are read as such.
        size: bytes of the data. More rows than `height` may follow.

    Returns:
        The layout.

    Raises:
        DataError: the encoding is unknown, the image is empty, or size and step do not fit.
    """
    encoding = find_encoding(name)
    if height < 1 or width < 1:
        raise DataError(f"An image has {width} x {height} pixels: it is empty.")
    rows, row_bytes = round(height * encoding.rows), encoding.row_bytes(width)
    if encoding.rows != 1 and (height % 2 or width % 2):
        raise DataError(f"An image of {width} x {height} cannot be read as {name}: its size is odd.")
    if size == rows * row_bytes:
        return RowLayout(rows, row_bytes)
    if step < row_bytes or size < rows * step or size % step:
        raise DataError(
            f"An image of {width} x {height} {name} has {size} bytes, but {rows} rows of step = {step} are "
            f"{rows * step} bytes; expected rows of at least {row_bytes} bytes and data of height x step. Set step in "
            "the driver to the bytes from one row to the next."
        )
    # Whole rows too many are as large as `height` longer rows if this number is whole.
    longer = size // rows if size % rows == 0 else 0
    return RowLayout(rows, step, longer if longer != step else 0)


def take_rows(name: str, layout: RowLayout, width: int, flat: Bytes) -> Bytes:
    """Cut the rows out of the data, without padding.

    Args:
        name: the encoding.
        layout: where the rows are.
        width: pixels.
        flat: uint8 [size], the data.

    Returns:
        uint8 [rows, row_bytes]; it may share memory with `flat`.

    Raises:
        DataError: the rows are longer than `step` says.
    """
    row_bytes = find_encoding(name).row_bytes(width)
    rows = flat[: layout.rows * layout.step].reshape(layout.rows, layout.step)[:, :row_bytes]
    if layout.doubtful_step and _looks_sheared(rows, flat.reshape(layout.rows, layout.doubtful_step), row_bytes):
        raise DataError(
            f"An image of {width} x {layout.rows} {name} has {flat.size} bytes, but {layout.rows} rows of step = "
            f"{layout.step} are {layout.rows * layout.step} bytes: its rows have {layout.doubtful_step} bytes, and "
            "step is wrong. Set step in the driver to the bytes from one row to the next."
        )
    return rows


def _looks_sheared(rows: Bytes, longer: Bytes, row_bytes: int) -> bool:
    """Whether rows of the longer length fit the pixels better than rows of the given one, with rows left over."""
    pixels, padding = longer[:, :row_bytes], longer[:, row_bytes:]
    if np.array_equal(rows, pixels):
        return False
    return bool((padding == padding[0, 0]).all()) or _roughness(pixels) < _MUCH_ALIKE * _roughness(rows)


def _roughness(rows: Bytes) -> float:
    """Mean difference of each row to the one before."""
    return float(np.abs(np.diff(rows.astype(np.int16), axis=0)).mean()) if len(rows) > 1 else 0.0
