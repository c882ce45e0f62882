"""Read camera frames of a bag at full size, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.streams.messages import frame_from_message, header_stamp_ns
from aassl_ros.errors import BagError


def frames_of_bag(bag: Path, stamps_ns: Sequence[int]) -> NDArray[np.uint8]:
    """Return the first camera's frames with these stamps at full size, uint8 [N, H, W, 3] RGB.

    Raises BagError if the bag names no camera or lacks a frame.
    """
    found: dict[int, NDArray[np.uint8]] = {}
    with BagReader(bag) as reader:
        if reader.session is None:
            raise BagError(f"{bag} names no camera: it was not recorded by aassl.")
        topic = next(iter(reader.session.roles.cameras.values()))
        for message in reader.messages([topic]):
            stamp = header_stamp_ns(message.data)
            if stamp in stamps_ns:
                found[stamp] = frame_from_message(reader.decode(message))
    missing = [stamp for stamp in stamps_ns if stamp not in found]
    if missing:
        raise BagError(f"{bag} has no frame with stamp {missing[0]} ns, but the prepared data have.")
    return np.stack([found[stamp] for stamp in stamps_ns])
