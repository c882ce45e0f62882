"""Many joint states at once: the same values as message by message, in seconds for a million."""

from __future__ import annotations

import time

import numpy as np
import pytest

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_table import read_joint_table
from aassl_ros.data.streams.joints import JointState, JointStream

MS = 1_000_000
NAMES = ("one", "two", "three")


def cdrs(count: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    stamps = np.cumsum(rng.integers(1, 3 * MS, count)) + 10**18
    return [
        messages.encode_joint_state(int(stamp), NAMES, rng.normal(size=3), rng.normal(size=3) if number % 7 else ())
        for number, stamp in enumerate(stamps)
    ]


def test_values_and_brackets_are_those_of_the_stream_bit_for_bit() -> None:
    found = cdrs(500)
    stream = JointStream()
    for cdr in found:
        state = messages.decode(messages.JOINT_STATE, cdr)
        stream.add(messages.stamp_ns(state.header.stamp), state.name, state.position)
    table = read_joint_table(found)
    assert table.names == stream.names
    first, last = table.stamps_ns[0], table.stamps_ns[-1]
    stamps = np.sort(np.concatenate([np.random.default_rng(1).integers(first, last, 300), table.stamps_ns[5:9]]))
    positions, brackets = table.at(stamps)
    for stamp, position, bracket in zip(stamps, positions, brackets, strict=True):
        right = stream.at(int(stamp), 10**12)
        assert isinstance(right, JointState)
        assert np.array_equal(position, right.position)
        assert bracket == right.bracket_ns


def test_partial_messages_are_merged_and_unreadable_ones_counted() -> None:
    found = [
        messages.encode_joint_state(1000 * MS, ["a"], [1.0]),
        messages.encode_joint_state(1001 * MS, ["b", "c"], [5.0, 7.0]),
        b"\0\1\0\0short",
        messages.encode_joint_state(1010 * MS, ["a"], [2.0]),
        messages.encode_joint_state(1011 * MS, ["b", "c"], [6.0, 8.0]),
        messages.encode_joint_state(1012 * MS, ["a", "b"], [1.0]),
    ]
    table = read_joint_table(found)
    assert (table.names, table.unreadable) == (("a", "b", "c"), 2)
    position, bracket = table.rising().at(np.array([1005 * MS, 1011 * MS]))
    np.testing.assert_allclose(position, [[1.5, 5.4, 7.4], [np.nan, 6.0, 8.0]])
    assert bracket.tolist() == [10 * MS, -1]


def test_older_stamps_are_left_out() -> None:
    stamps = [5, 3, 6, 6, 7]
    table = read_joint_table([messages.encode_joint_state(stamp, ["a"], [float(stamp)]) for stamp in stamps])
    assert table.rising().stamps_ns.tolist() == [5, 6, 7]
    assert read_joint_table([]).at(np.array([1]))[0].shape == (1, 0)


def test_big_endian_messages_are_read() -> None:
    little = messages.encode_joint_state(1000 * MS, ["joint"], [0.25])
    store = messages.typestore()
    message = messages.decode(messages.JOINT_STATE, little)
    big = bytes(store.serialize_cdr(message, messages.JOINT_STATE, little_endian=False))
    table = read_joint_table([big, little])
    assert table.stamps_ns.tolist() == [1000 * MS] * 2
    assert table.position.tolist() == [[0.25]] * 2


@pytest.mark.slow
def test_a_million_states_are_read_and_interpolated_at_a_hundred_thousand_frames_faster_than_one_by_one() -> None:
    base = np.frombuffer(messages.encode_joint_state(0, [f"joint_{k}" for k in range(7)], np.zeros(7)), np.uint8)
    rows = np.tile(base, (1_000_000, 1))
    stamps = np.arange(1_000_000, dtype=np.int64) * 2 * MS + 10**15
    rows[:, 4:8] = (stamps // 10**9).astype("<i4")[:, None].view(np.uint8)
    rows[:, 8:12] = (stamps % 10**9).astype("<u4")[:, None].view(np.uint8)
    found = [row.tobytes() for row in rows]
    begun = time.process_time()
    table = read_joint_table(found)
    _, bracket = table.rising().at(np.linspace(stamps[0], stamps[-1], 100_000).astype(np.int64))
    all_s = time.process_time() - begun
    begun = time.process_time()
    stream = JointStream()
    for cdr in found[:20_000]:
        state = messages.decode(messages.JOINT_STATE, cdr)
        stream.add(messages.stamp_ns(state.header.stamp), state.name, state.position)
    each_s = (time.process_time() - begun) * 50
    print(f"arrays {all_s:.2f} s, one by one {each_s:.1f} s: {each_s / all_s:.0f} times as fast")
    assert (bracket >= 0).all()
    assert each_s > 3 * all_s
