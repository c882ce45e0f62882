"""The quick way to decode a joint state gives what the general way gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_state_reader import JointStateReader
from aassl_ros.errors import DataError

NAMES = st.sampled_from(
    [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("joint", "é"), ("a", "b", "c", "d", "e", "f", "g")]
)
NUMBERS = st.sampled_from([0.0, 1.5, -2.0, math.nan, math.inf])


def general(data: bytes) -> Any:
    """What rosbags decodes, as `read` returns it, with NaN as text; None if it cannot be decoded."""
    try:
        message = messages.decode(messages.JOINT_STATE, data)
        names, *arrays = messages.joint_arrays(message)
    except DataError:
        return None
    return messages.stamp_ns(message.header.stamp), names, [str(array.tolist()) for array in arrays]


def quick(reader: JointStateReader, data: bytes) -> Any:
    try:
        stamp_ns, names, rows = reader.read(data)
    except DataError:
        return None
    return stamp_ns, names, [str(list(row)) for row in rows]


@st.composite
def joint_states(draw: st.DrawFn) -> bytes:
    names = draw(NAMES)
    rows = [[draw(NUMBERS) for _ in names] if draw(st.booleans()) else [] for _ in range(3)]
    return messages.encode_joint_state(draw(st.integers(0, 2**31 * 10**9 - 1)), names, *rows)


@given(st.lists(joint_states(), min_size=1, max_size=12), st.data())
def test_any_messages_in_any_order_are_read_as_rosbags_reads_them(states: list[bytes], data: st.DataObject) -> None:
    reader = JointStateReader()
    for state in states:
        assert quick(reader, state) == general(state)
        changed = bytearray(state)
        changed[data.draw(st.integers(0, len(state) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        assert quick(reader, bytes(changed)) == general(bytes(changed))


def test_the_second_message_of_a_driver_is_not_decoded_by_rosbags(monkeypatch: Any) -> None:
    states = [messages.encode_joint_state(number, ["a", "b"], [number, -number], [0, 1]) for number in range(3)]
    reader = JointStateReader()
    reader.read(states[0])
    monkeypatch.setattr(messages, "decode", None)
    assert reader.read(states[2]) == (2, ("a", "b"), ((2.0, -2.0), (0.0, 1.0), ()))


def test_lengths_are_not_remembered_without_limit() -> None:
    reader = JointStateReader()
    for count in range(200):
        names = [str(number) for number in range(count)]
        assert reader.read(messages.encode_joint_state(1, names, np.zeros(count))).names == tuple(names)
    assert len(reader._forms) == 64
