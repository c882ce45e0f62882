"""Joint states and frames taken in windows give what they give one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_streams import MS, SECOND, SIZE, Message, image, record, stream, without

from aassl_ros.data.prepare import bag_frames
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepare.windows import Windows
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.joint_block import JointBlockDecoder
from aassl_ros.errors import DataError

EVERY, COUNT = 10 * MS, 250


def joints(stamp_ns: int, values: Sequence[float], names: Sequence[str] = ("a", "b"), more: bool = True) -> Message:
    others = (np.ones(len(names)), 2 * np.ones(len(names))) if more else ((), ())
    return Message(
        "/joint_states", messages.JOINT_STATE, stamp_ns, messages.encode_joint_state(stamp_ns, names, values, *others)
    )


def usual(index: int) -> Message:
    stamp = SECOND + index * EVERY
    return joints(stamp, [np.sin(stamp / SECOND), stamp / SECOND])


# What a joint state may be like instead of the usual one.
ODD: dict[str, Any] = {
    "missing": lambda index: None,
    "backward": lambda index: joints(SECOND + (index - 3) * EVERY, [0.1, 0.2]),
    "repeated": lambda index: joints(SECOND + (index - 1) * EVERY, [0.1, 0.2]),
    "stamp 0": lambda index: joints(0, [0.1, 0.2]),
    "far back": lambda index: joints(1 + index * MS, [0.1, 0.2]),
    "not finite": lambda index: joints(SECOND + index * EVERY, [np.nan, 0.2]),
    "another publisher": lambda index: joints(SECOND + index * EVERY, [2.5, -2.5]),
    "partial": lambda index: joints(SECOND + index * EVERY, [0.1], ("a",)),
    "a new joint": lambda index: joints(SECOND + index * EVERY, [0.1, 0.2, 0.3], ("a", "b", "c")),
    "other order": lambda index: joints(SECOND + index * EVERY, [0.2, 0.1], ("b", "a")),
    "no velocities": lambda index: joints(SECOND + index * EVERY, [0.1, 0.2], more=False),
    "rubbish": lambda index: Message("/joint_states", messages.JOINT_STATE, SECOND + index * EVERY, b"rubbish"),
    "cut": lambda index: Message("/joint_states", messages.JOINT_STATE, SECOND + index * EVERY, usual(index).data[:-8]),
}


# What a frame may be like instead of the usual one, at its stamp.
ODD_FRAMES: dict[str, Any] = {
    "missing": lambda stamp: None,
    "received 0.4 s later": lambda stamp: image(stamp)._replace(stamp_ns=stamp + 400 * MS),
    "received 1.5 s later": lambda stamp: image(stamp)._replace(stamp_ns=stamp + 1500 * MS),
    "from the future": lambda stamp: image(stamp + 1200 * MS)._replace(stamp_ns=stamp),
    "from far in the future": lambda stamp: image(stamp + 100 * SECOND)._replace(stamp_ns=stamp),
    "backward": lambda stamp: image(stamp - 70 * MS)._replace(stamp_ns=stamp),
    "repeated": lambda stamp: image(stamp - 33 * MS)._replace(stamp_ns=stamp),
    "far back": lambda stamp: image(stamp % SECOND // 2)._replace(stamp_ns=stamp),
    "of another size": lambda stamp: image(stamp, width=3 * SIZE),
    "of an unknown encoding": lambda stamp: image(stamp, encoding="8UC9"),
    "rubbish": lambda stamp: image(stamp)._replace(data=b"rubbish"),
    "cut": lambda stamp: image(stamp)._replace(data=image(stamp).data[:-9]),
}


def outcome(path: Path, out: Path, **changes: Any) -> tuple[Any, dict[str, bytes]]:
    try:
        report = prepare([path], out, PrepareSettings(image_size=SIZE, **changes), force=True)
    except DataError as error:  # no frame has all joints
        return str(error), {}
    return report, {file.name: file.read_bytes() for file in out.iterdir()}


def compare(recorded: list[Message], folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> int:
    """Prepare a recording with and without windows. Returns how many were taken."""
    path, taken = record(folder / "bag", recorded), 0
    take = Windows.take

    def counted(self: Windows, window: Any) -> bool:
        nonlocal taken
        taken += (done := take(self, window))
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Windows, "take", counted)
        together = outcome(path, folder / "data", **changes)
    with monkeypatch.context() as patch:
        patch.setattr(bag_frames, "in_windows", lambda found, *topics: ([one] for one in found))
        one_by_one = outcome(path, folder / "data", **changes)
    assert together == one_by_one
    return taken


def usual_stream() -> list[Message]:
    """Without object poses, which come after each frame and end its window."""
    return without(without(stream(COUNT * EVERY / SECOND), "/joint_states"), "/object_pose")


def test_a_usual_recording_is_taken_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = [*usual_stream(), *(usual(index) for index in range(COUNT))]
    assert compare(sorted(recorded, key=lambda one: one.stamp_ns), tmp_path, monkeypatch) > 3


ANY = st.dictionaries(st.integers(0, COUNT - 1), st.sampled_from(sorted(ODD)), max_size=8)
ANY_FRAMES = st.dictionaries(
    st.integers(0, COUNT * EVERY // (33 * MS)), st.sampled_from(sorted(ODD_FRAMES)), max_size=8
)
SHIFTS = st.sampled_from(
    [
        {},
        {"frame_stamp_offset_s": 0.02},
        {"max_bracket_s": 0.02},
        *({"joint_stamp_offset_s": offset} for offset in (1.3, -0.97, -1.01, -1.3)),
    ]
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(odd=ANY, odd_frames=ANY_FRAMES, poses=st.booleans(), changes=SHIFTS)
def test_whatever_is_odd_the_result_is_that_of_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    odd: dict[int, str],
    odd_frames: dict[int, str],
    poses: bool,
    changes: dict[str, float],
) -> None:
    made: list[Message | None] = [ODD[odd[index]](index) if index in odd else usual(index) for index in range(COUNT)]
    frames = 0
    for message in usual_stream() if not poses else without(stream(COUNT * EVERY / SECOND), "/joint_states"):
        if message.type == messages.IMAGE and frames in odd_frames:
            made.append(ODD_FRAMES[odd_frames[frames]](message.stamp_ns))
        else:
            made.append(message)
        frames += message.type == messages.IMAGE
    recorded = sorted((message for message in made if message is not None), key=lambda one: one.stamp_ns)
    compare(recorded, tmp_path_factory.mktemp("odd"), monkeypatch, **changes)


def test_a_block_has_the_numbers_of_its_messages() -> None:
    names = ["wrist", "elbow_joint", "x"]
    data = [messages.encode_joint_state(7 + index, names, np.arange(3) + index, (), np.ones(3)) for index in range(4)]

    block = JointBlockDecoder(lambda one: messages.decode(messages.JOINT_STATE, one)).decode(data)

    assert block is not None
    assert block.names == tuple(names)
    assert block.stamps_ns.tolist() == [7, 8, 9, 10]
    np.testing.assert_array_equal(block.position, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])
    assert block.velocity.shape == (4, 0)
    np.testing.assert_array_equal(block.effort, np.ones((4, 3)))
