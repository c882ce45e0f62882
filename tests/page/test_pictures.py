"""Pictures of camera messages as the page shows them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.data.streams import messages
from aassl_ros.errors import DataError
from aassl_ros.page.pictures import jpeg_of


def header() -> object:
    types = messages.typestore().types
    return types["std_msgs/msg/Header"](stamp=types["builtin_interfaces/msg/Time"](sec=1, nanosec=0), frame_id="")


def image(frame: NDArray[np.uint8], encoding: str = "rgb8") -> bytes:
    height, width = frame.shape[:2]
    message = messages.typestore().types[messages.IMAGE](
        header=header(),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=frame[0].nbytes,
        data=np.ascontiguousarray(frame).reshape(-1),
    )
    return messages.encode(message, messages.IMAGE)


def compressed(data: bytes, form: str = "rgb8; jpeg compressed bgr8") -> bytes:
    message = messages.typestore().types[messages.COMPRESSED_IMAGE](
        header=header(), format=form, data=np.frombuffer(data, np.uint8)
    )
    return messages.encode(message, messages.COMPRESSED_IMAGE)


def shown(jpeg: bytes) -> NDArray[np.uint8]:
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


RED = np.full((480, 640, 3), (200, 20, 20), np.uint8)


@pytest.mark.parametrize(("encoding", "frame"), [("rgb8", RED), ("bgr8", RED[:, :, ::-1])])
def test_a_picture_keeps_its_colours_and_a_wide_one_is_reduced(encoding: str, frame: NDArray[np.uint8]) -> None:
    same = shown(jpeg_of(image(frame, encoding), compressed=False, quality=90, width=640))
    small = shown(jpeg_of(image(frame, encoding), compressed=False, quality=90, width=320))
    assert same.shape == (480, 640, 3)
    assert small.shape == (240, 320, 3)
    assert np.abs(small.mean((0, 1)) - (200, 20, 20)).max() < 5


def test_a_small_jpeg_of_the_camera_is_passed_on_as_it_is() -> None:
    jpeg = cv2.imencode(".jpg", RED)[1].tobytes()
    assert jpeg_of(compressed(jpeg), compressed=True, quality=10, width=64) == jpeg


def test_a_png_and_a_bayer_picture_become_jpeg() -> None:
    png = cv2.imencode(".png", RED[:, :, ::-1])[1].tobytes()
    found = shown(jpeg_of(compressed(png, "rgb8; png compressed bgr8"), compressed=True, quality=90, width=640))
    assert np.abs(found.mean((0, 1)) - (200, 20, 20)).max() < 5
    mosaic = cv2.imencode(".jpg", np.full((48, 64), 90, np.uint8))[1].tobytes()
    form = "bayer_rggb8; jpeg compressed "
    assert shown(jpeg_of(compressed(mosaic, form), compressed=True, quality=90, width=640)).shape == (48, 64, 3)


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("cdr", [b"", b"\x00\x01\x00\x00", image(RED)[:200]])
def test_a_damaged_message_is_a_data_error(form: bool, cdr: bytes) -> None:
    with pytest.raises(DataError):
        jpeg_of(cdr, compressed=form, quality=80, width=640)
