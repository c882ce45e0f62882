from __future__ import annotations

import cv2
import numpy as np
import pytest

from aassl_ros.data.streams.compressed_images import decode_compressed
from aassl_ros.data.streams.images import decode_image, to_square
from aassl_ros.errors import DataError

RED, GREEN, BLUE = (200, 30, 10), (20, 180, 40), (15, 25, 220)


def picture(colour: tuple[int, int, int], height: int = 8, width: int = 12) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
@pytest.mark.parametrize(
    ("encoding", "conversion"),
    [
        ("rgb8", None),
        ("bgr8", cv2.COLOR_RGB2BGR),
        ("rgba8", cv2.COLOR_RGB2RGBA),
        ("bgra8", cv2.COLOR_RGB2BGRA),
        ("yuv422", cv2.COLOR_RGB2YUV_UYVY),
        ("uyvy", cv2.COLOR_RGB2YUV_UYVY),
        ("yuv422_yuy2", cv2.COLOR_RGB2YUV_YUY2),
        ("yuyv", cv2.COLOR_RGB2YUV_YUY2),
    ],
)
def test_a_colour_survives_its_encoding(encoding: str, conversion: int | None, colour: tuple[int, int, int]) -> None:
    rgb = picture(colour)
    encoded = rgb if conversion is None else cv2.cvtColor(rgb, conversion)
    decoded = decode_image(encoding, 8, 12, encoded[0].nbytes, False, encoded.tobytes())
    assert decoded.shape == (8, 12, 3)
    np.testing.assert_allclose(decoded.astype(int), rgb.astype(int), atol=4)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_each_bayer_pattern_gives_its_colours_back(pattern: str, bits: int) -> None:
    rgb = picture(RED)
    mosaic = np.empty((8, 12), np.uint8)
    for place, letter in enumerate(pattern):
        mosaic[place // 2 :: 2, place % 2 :: 2] = RED["rgb".index(letter)]
    data = mosaic.tobytes() if bits == 8 else (mosaic.astype("<u2") << 8).tobytes()
    decoded = decode_image(f"bayer_{pattern}{bits}", 8, 12, 12 * bits // 8, False, data)
    np.testing.assert_allclose(decoded[2:-2, 2:-2].astype(int), rgb[2:-2, 2:-2].astype(int), atol=1)


@pytest.mark.parametrize("is_bigendian", [False, True])
def test_mono16_keeps_its_upper_eight_bits_in_either_byte_order(is_bigendian: bool) -> None:
    values = np.array([[0x1234, 0xFF00]], ">u2" if is_bigendian else "<u2")
    decoded = decode_image("mono16", 1, 2, 4, is_bigendian, values.tobytes())
    assert decoded.tolist() == [[[0x12] * 3, [0xFF] * 3]]


def test_padding_at_the_end_of_rows_is_removed() -> None:
    rgb = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    padded = np.concatenate([rgb.reshape(4, 9), np.full((4, 7), 255, np.uint8)], axis=1)
    np.testing.assert_array_equal(decode_image("rgb8", 4, 3, 16, False, padded.tobytes()), rgb)


def test_an_unknown_encoding_is_named_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"encoding '32FC1', expected one of rgb8"):
        decode_image("32FC1", 1, 1, 4, False, b"1234")


@pytest.mark.parametrize(
    ("height", "width", "step", "size"),
    [(2, 2, 6, 11), (2, 2, 5, 11), (2, 2, 5, 14), (2, 2, 6, 13), (0, 2, 6, 0), (2, 0, 0, 0)],
)
def test_an_image_of_inconsistent_size_is_refused(height: int, width: int, step: int, size: int) -> None:
    with pytest.raises(DataError):
        decode_image("rgb8", height, width, step, False, bytes(size))


@pytest.mark.parametrize("step", [0, 4, 30, 40])
def test_a_wrong_step_does_not_matter_if_the_data_are_the_pixels_without_padding(step: int) -> None:
    rgb = striped(8, 12)
    np.testing.assert_array_equal(decode_image("rgb8", 8, 12, step, False, rgb.tobytes()), rgb)


@pytest.mark.parametrize("padding", [16, 5])
def test_rows_longer_than_step_are_refused_with_both_sizes(padding: int) -> None:
    padded = np.zeros((48, 192 + padding), np.uint8)
    padded[:, :192] = striped(48, 64).reshape(48, 192)
    with pytest.raises(DataError, match=rf"has {padded.size} bytes, but 48 rows of step = 192 are 9216 bytes"):
        decode_image("rgb8", 48, 64, 192, False, padded.tobytes())


@pytest.mark.parametrize("extra", [1, 2, 4])
def test_whole_rows_after_the_picture_are_left_out(extra: int) -> None:
    rgb = striped(48, 64)
    data = rgb.tobytes() + bytes(extra * 192)
    np.testing.assert_array_equal(decode_image("rgb8", 48, 64, 192, False, data), rgb)


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE])
@pytest.mark.parametrize("encoding", ["nv12", "nv21", "nv24"])
def test_brightness_rows_with_colour_rows_after_them_are_read(encoding: str, colour: tuple[int, int, int]) -> None:
    height, width = 8, 12
    planes = cv2.cvtColor(picture(colour), cv2.COLOR_RGB2YUV_I420).reshape(-1)
    luma = planes[: height * width]
    u, v = planes[height * width :].reshape(2, -1)[:, 0].tolist()
    pairs = height * width if encoding == "nv24" else height * width // 4
    chroma = np.tile(np.array([v, u] if encoding == "nv21" else [u, v], np.uint8), pairs)
    decoded = decode_image(encoding, height, width, width, False, np.concatenate([luma, chroma]).tobytes())
    np.testing.assert_allclose(decoded.astype(int), picture(colour).astype(int), atol=4)


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "16UC1"])
def test_sixteen_bits_keep_their_upper_eight(encoding: str) -> None:
    channels = 1 if encoding == "16UC1" else 3
    values = np.array([[[0x12, 0x34, 0x56][:channels]]], "<u2") * 256 + 7
    expected = {"rgb16": [0x12, 0x34, 0x56], "bgr16": [0x56, 0x34, 0x12], "16UC1": [0x12] * 3}[encoding]
    assert decode_image(encoding, 1, 1, 2 * channels, False, values.tobytes())[0, 0].tolist() == expected


def striped(height: int, width: int) -> np.ndarray:
    """Red left, green in the middle, blue right."""
    image = np.zeros((height, width, 3), np.uint8)
    for third in range(3):
        image[:, third * width // 3 : (third + 1) * width // 3, third] = 200
    return image


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_mosaic_in_a_compressed_picture_is_debayered(pattern: str) -> None:
    rgb = striped(240, 320)
    mosaic = np.empty((240, 320), np.uint8)
    for place, letter in enumerate(pattern):
        mosaic[place // 2 :: 2, place % 2 :: 2] = rgb[place // 2 :: 2, place % 2 :: 2, "rgb".index(letter)]
    data = cv2.imencode(".jpg", mosaic, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    decoded = decode_compressed(f"bayer_{pattern}8; jpeg compressed bayer_{pattern}8", data.tobytes())
    for column, colour in ((50, 0), (160, 1), (270, 2)):
        np.testing.assert_allclose(decoded[120, column].astype(int), np.eye(3)[colour] * 200, atol=25)


def test_a_colour_picture_of_a_bayer_camera_is_taken_as_it_is() -> None:
    data = cv2.imencode(".png", picture(RED)[:, :, ::-1])[1]
    decoded = decode_compressed("bayer_rggb8; png compressed bgr8", data.tobytes())
    np.testing.assert_array_equal(decoded, picture(RED))


@pytest.mark.parametrize("format", ["16UC1; compressedDepth", "32FC1; tiff compressed 32FC1"])
def test_compressed_depth_is_refused_by_name(format: str) -> None:
    data = cv2.imencode(".png", picture(RED))[1]
    with pytest.raises(DataError, match="it contains depth"):
        decode_compressed(format, data.tobytes())


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_picture_without_its_end_is_refused_whatever_the_decoder_does(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = cv2.imencode(kind, picture(RED, 64, 64))[1].tobytes()
    whole = decode_compressed("jpeg", data + bytes(10))  # some drivers pad the end
    assert whole.shape == (64, 64, 3)
    monkeypatch.setattr(cv2, "imdecode", lambda flat, flags: picture(RED, 64, 64))
    with pytest.raises(DataError, match="damaged: its end is missing"):
        decode_compressed("jpeg", data[:-12])


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_a_compressed_picture_is_read_as_rgb(kind: str) -> None:
    data = cv2.imencode(kind, picture(RED)[:, :, ::-1])[1]
    decoded = decode_compressed("rgb8; jpeg compressed bgr8", data.tobytes())
    np.testing.assert_allclose(decoded.astype(int), picture(RED).astype(int), atol=4)


@pytest.mark.parametrize("data", [b"", b"no picture", cv2.imencode(".jpg", picture(RED))[1].tobytes()[:50]])
def test_a_damaged_compressed_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="damaged"):
        decode_compressed("jpeg", data)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40), (32, 32), (10, 20), (480, 640)])
def test_any_image_becomes_its_centre_square_of_the_given_size(height: int, width: int) -> None:
    image = picture(BLUE, height, width)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = RED
    square = to_square(image, 32)
    assert square.dtype == np.uint8
    np.testing.assert_array_equal(square, picture(RED, 32, 32))


def test_a_square_is_a_copy() -> None:
    image = picture(RED, 32, 32)
    to_square(image, 32)[:] = 0
    assert image[0, 0].tolist() == list(RED)
