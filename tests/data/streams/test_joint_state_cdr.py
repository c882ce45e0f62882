from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.streams import messages

_NUMBERS = st.floats(allow_nan=False) | st.just(math.inf)


@given(
    st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1),
    st.lists(st.text(max_size=9), max_size=8),
    st.data(),
    st.booleans(),
)
def test_a_joint_state_has_the_bytes_that_rosbags_gives_it(
    time_ns: int, names: list[str], data: st.DataObject, velocities: bool
) -> None:
    rows = [data.draw(st.lists(_NUMBERS, min_size=len(names), max_size=len(names))) for _ in range(3)]
    rows[1] = rows[1] if velocities else []
    types = messages.typestore().types
    message = types[messages.JOINT_STATE](
        header=types["std_msgs/msg/Header"](
            stamp=types["builtin_interfaces/msg/Time"](sec=time_ns // 10**9, nanosec=time_ns % 10**9), frame_id=""
        ),
        name=names,
        position=np.array(rows[0], np.float64),
        velocity=np.array(rows[1], np.float64),
        effort=np.array(rows[2], np.float64),
    )
    assert messages.encode_joint_state(time_ns, names, *rows) == messages.encode(message, messages.JOINT_STATE)
