"""Pictures decoded quickly from CDR are those of the general decoder, whatever the bytes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.picture_cdr import CompressedPicture, PictureDecoder, RawPicture
from aassl_ros.errors import DataError

FIELDS = {messages.IMAGE: RawPicture._fields, messages.COMPRESSED_IMAGE: CompressedPicture._fields}


def encoded(msgtype: str, frame_id: str, text: str, *, little_endian: bool = True) -> bytes:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)
    data = np.arange(6 * 5, dtype=np.uint8)
    if msgtype == messages.COMPRESSED_IMAGE:
        message: Any = types[msgtype](header=header, format=text, data=data)
    else:
        form = {"height": 5, "width": 2, "is_bigendian": 1, "step": 6}
        message = types[msgtype](header=header, encoding=text, data=data, **form)
    return bytes(messages.typestore().serialize_cdr(message, msgtype, little_endian=little_endian))


def decoded(decode: Any, msgtype: str, cdr: bytes) -> Any:
    """The fields of the picture, or the error."""
    try:
        message = decode(cdr)
        return [np.asarray(getattr(message, name)).tolist() for name in FIELDS[msgtype]]
    except DataError as error:
        return str(error)


def damaged(cdr: bytes) -> list[bytes]:
    found = [cdr[:cut] for cut in range(len(cdr))] + [cdr + bytes(more) for more in range(1, 6)]
    found += [
        cdr[:place] + bytes([cdr[place] ^ flip]) + cdr[place + 1 :]
        for place in range(len(cdr) - 30)
        for flip in (1, 0x80)
    ]
    return found


@pytest.mark.parametrize("msgtype", FIELDS)
@pytest.mark.parametrize("frame_id", ["", "camera", "optical_frame_12"])
@pytest.mark.parametrize("text", ["rgb8", "bgr8; jpeg compressed bgr8", ""])
def test_fields_and_errors_are_those_of_the_general_decoder(msgtype: str, frame_id: str, text: str) -> None:
    general = partial(messages.decode, msgtype)
    cdr = encoded(msgtype, frame_id, text)
    decoder = PictureDecoder(msgtype, general)
    decoder.decode(cdr)  # the first one is decoded by both

    found = decoder.decode(cdr)

    assert isinstance(found, RawPicture | CompressedPicture)
    for one in (cdr, memoryview(cdr), encoded(msgtype, frame_id, text, little_endian=False), *damaged(cdr)):
        assert decoded(decoder.decode, msgtype, one) == decoded(general, msgtype, one)


def test_a_type_that_the_general_decoder_reads_in_another_way_is_left_to_it() -> None:
    cdr = encoded(messages.IMAGE, "camera", "rgb8")
    other = RawPicture(1, 1, "mono8", 0, 1, np.zeros(1, np.uint8))
    decoder = PictureDecoder(messages.IMAGE, lambda _: other)
    assert [decoder.decode(cdr) for _ in range(2)] == [other, other]
