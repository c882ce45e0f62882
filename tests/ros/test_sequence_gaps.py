"""Messages that never came are counted by the publishers' numbers, as far as the distribution tells them."""

from __future__ import annotations

from typing import Any

from aassl_ros.ros.sequence_gaps import SequenceGaps


def info(number: int, publisher: int | None = None) -> dict[str, Any]:
    identity = None if publisher is None else {"data": [publisher] * 16}
    return {"publication_sequence_number": number, "publisher_gid": identity}


def one() -> int:
    return 1


def test_numbers_left_out_are_missing_messages_and_late_ones_are_not() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(number, 1), one) for number in (5, 6, 9, 7, 10)] == [0, 0, 2, 0, 0]
    assert gaps.counts


def test_each_publisher_is_followed_by_itself() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(*message), one) for message in ((5, 1), (80, 2), (6, 1), (82, 2))] == [0, 0, 0, 1]


def test_without_their_names_several_publishers_cannot_be_followed() -> None:
    gaps = SequenceGaps()
    assert [gaps.add(info(number), lambda: 2) for number in (5, 9)] == [0, 0]
    assert not gaps.counts
    assert [gaps.add(info(number), one) for number in (5, 9)] == [0, 3]


def test_messages_without_a_number_tell_nothing() -> None:
    gaps = SequenceGaps()
    assert gaps.add({}, one) == gaps.add(info(0, 1), one) == 0
    assert not gaps.counts


def test_after_a_pause_in_listening_the_numbers_begin_anew() -> None:
    gaps = SequenceGaps()
    gaps.add(info(5, 1), one)
    gaps.forget()
    assert gaps.add(info(90, 1), one) == 0
