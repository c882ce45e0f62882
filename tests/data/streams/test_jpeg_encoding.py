"""Images become JPEG messages by image_transport's convention, and what JPEG cannot hold is refused."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.encodings import ENCODINGS
from aassl_ros.data.streams.jpeg_encoding import encode_jpeg
from aassl_ros.errors import DataError

HEIGHT, WIDTH = 32, 48


def image(encoding: str, *, height: int = HEIGHT, width: int = WIDTH, padding: int = 0, cut: int = 0) -> bytes:
    """A smooth picture in these pixels, as CDR."""
    form = ENCODINGS.get(encoding, ENCODINGS["mono16"])
    rows, row = round(height * form.rows), form.row_bytes(width)
    ramp = np.add.outer(np.arange(rows), np.arange(row) // form.channels) + 40
    data = np.pad(ramp.astype(np.uint8), ((0, 0), (0, padding)))
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=3, nanosec=7)
    made = types[messages.IMAGE](
        header=types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera_optical"),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=row + padding,
        data=data.reshape(-1)[: data.size - cut],
    )
    return messages.encode(made, messages.IMAGE)


def decoded(cdr: bytes, msgtype: str) -> Any:
    return messages.frame_from_message(messages.decode(msgtype, cdr)).astype(int)


@pytest.mark.parametrize(
    ("encoding", "format"),
    [
        ("rgb8", "rgb8; jpeg compressed bgr8"),
        ("bgr8", "bgr8; jpeg compressed bgr8"),
        ("rgba8", "rgba8; jpeg compressed bgr8"),
        ("bgra8", "bgra8; jpeg compressed bgr8"),
        ("mono8", "mono8; jpeg compressed "),
        ("8UC1", "8UC1; jpeg compressed "),
        ("bayer_rggb8", "bayer_rggb8; jpeg compressed "),
        ("bayer_gbrg8", "bayer_gbrg8; jpeg compressed "),
        ("yuv422", "bgr8; jpeg compressed bgr8"),
        ("yuv422_yuy2", "bgr8; jpeg compressed bgr8"),
        ("nv12", "bgr8; jpeg compressed bgr8"),
    ],
)
@pytest.mark.parametrize("padding", [0, 16])
def test_an_encoded_image_shows_the_same_and_has_the_same_header(encoding: str, format: str, padding: int) -> None:
    raw = image(encoding, padding=padding)
    found = encode_jpeg(raw, 95)
    message = messages.decode(messages.COMPRESSED_IMAGE, found)
    assert message.format == format
    assert message.header == messages.decode(messages.IMAGE, raw).header
    assert messages.header_stamp_ns(found) == 3_000_000_007
    assert bytes(message.data[:2]) == b"\xff\xd8"
    difference = np.abs(decoded(found, messages.COMPRESSED_IMAGE) - decoded(raw, messages.IMAGE))
    assert difference.mean() < 4
    channels = cv2.imdecode(message.data, cv2.IMREAD_UNCHANGED).ndim
    assert channels == (3 if format.endswith("bgr8") else 2)


def test_colours_keep_their_places() -> None:
    types = messages.typestore().types
    header = messages.decode(messages.IMAGE, image("rgb8")).header
    red = np.tile(np.array([200, 30, 10], np.uint8), 16 * 16)
    for encoding, pixels in (("rgb8", red), ("bgr8", red.reshape(-1, 3)[:, ::-1].reshape(-1))):
        made = types[messages.IMAGE](
            header=header, height=16, width=16, encoding=encoding, is_bigendian=0, step=48, data=pixels.copy()
        )
        found = decoded(encode_jpeg(messages.encode(made, messages.IMAGE), 95), messages.COMPRESSED_IMAGE)
        assert np.abs(found[8, 8] - [200, 30, 10]).max() < 6


def test_a_higher_quality_takes_more_bytes() -> None:
    assert len(encode_jpeg(image("rgb8"), 95)) > len(encode_jpeg(image("rgb8"), 20))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (image("16UC1"), "'16UC1' with 16 bits a channel, and JPEG holds 8"),
        (image("mono16"), "'mono16' with 16 bits"),
        (image("bayer_rggb16"), "'bayer_rggb16' with 16 bits"),
        (image("32FC1"), "encoding '32FC1', expected one of"),
        (image("rgb8", cut=5), "An image of 48 x 32 rgb8 has 4603 bytes"),
        (image("mono8", height=0), "it is empty"),
        (image("mono8", height=1, width=70_000), "OpenCV cannot encode an image of 70000 x 1 mono8 as JPEG"),
        (image("rgb8")[:900], "is not a sensor_msgs/msg/Image"),
        (b"\0\1", "is not a sensor_msgs/msg/Image"),
    ],
)
def test_what_jpeg_cannot_hold_is_refused_with_the_reason(raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_jpeg(raw, 90)
