from __future__ import annotations

from aassl_ros.data.streams import messages
from aassl_ros.data.streams.clock_jump import JumpBack, StreamClock

SECOND = 1_000_000_000


def state(stamp_ns: int) -> bytes:
    return messages.encode_joint_state(stamp_ns, ["a"], [0.0])


def test_two_consecutive_stamps_that_are_behind_and_increase_are_a_jump() -> None:
    jump = JumpBack()
    assert [jump.confirmed(stamp * SECOND, 60 * SECOND) for stamp in (61, 1, 2)] == [False, False, True]


def test_late_messages_and_zero_stamps_are_no_jump() -> None:
    jump = JumpBack()
    assert not any(jump.confirmed(stamp * SECOND // 10, 60 * SECOND) for stamp in (597, 598, 599, 0, 0, 0, 601, 10))


def test_a_time_of_receipt_that_goes_back_is_one_jump() -> None:
    clock = StreamClock()
    times = [60, 61, 60.5, 1, 2]
    assert [clock.jumped_back("/a", int(time * SECOND), b"") for time in times] == [False, False, False, True, False]


def test_stamps_that_jump_back_are_detected_for_the_given_topics() -> None:
    clock = StreamClock(["/camera"])
    stamps = [60, 61, 1, 2, 3]
    jumps = [clock.jumped_back("/camera", 90 * SECOND, state(stamp * SECOND)) for stamp in stamps]
    assert jumps == [False, False, False, True, False]
    assert not any(clock.jumped_back("/other", 90 * SECOND, state(stamp * SECOND)) for stamp in stamps)
    assert not clock.jumped_back("/camera", 90 * SECOND, b"cut")
