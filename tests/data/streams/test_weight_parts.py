"""A file that is sent in parts comes out whole or not at all, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.interfaces.json_records import WeightsPart
from aassl_ros.data.streams import weight_parts
from aassl_ros.data.streams.weight_parts import WeightsAssembler, cut, part_bytes


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_parts, "PART_BYTES", 8)


def parts_of(content: bytes, step: int = 1, sender: str = "one") -> list[tuple[WeightsPart, bytes]]:
    return list(cut(content, checkpoint=f"{step:064x}", step=step, sender=sender))


@given(st.binary(min_size=1, max_size=200), st.randoms(use_true_random=False))
def test_parts_in_any_order_and_more_than_once_make_the_file(content: bytes, random: object) -> None:
    parts = parts_of(content)
    assert all(WeightsPart.parse(told.to_json()) == told for told, _ in parts)
    shuffled = [*parts, *parts[: len(parts) // 2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assembler = WeightsAssembler()
    whole = [file for told, piece in shuffled if (file := assembler.add(told, piece)) is not None]
    assert whole == [content]
    assert (assembler.complete, assembler.damaged, assembler.abandoned, assembler.problem) == (1, 0, 0, "")


@given(st.binary(min_size=17, max_size=200), st.data())
def test_a_damaged_part_is_refused_and_the_file_is_whole_once_the_part_comes_right(
    content: bytes, data: st.DataObject
) -> None:
    parts = parts_of(content)
    broken = data.draw(st.integers(0, len(parts) - 1))
    assembler = WeightsAssembler()
    for place, (told, piece) in enumerate(parts):
        wrong = bytes([piece[0] ^ 1]) + piece[1:]
        assert assembler.add(told, wrong if place == broken else piece) is None
    assert assembler.damaged == 1
    assert f"part {broken + 1} of {len(parts)}" in assembler.problem
    assert assembler.missing == 1
    assert assembler.add(*parts[broken]) == content
    assert assembler.problem == ""


def test_a_missing_part_is_told_when_a_newer_file_is_whole() -> None:
    assembler = WeightsAssembler()
    for told, piece in parts_of(b"old weights, long enough", step=1)[:-1]:
        assembler.add(told, piece)
    whole = [assembler.add(*part) for part in parts_of(b"new weights, long enough", step=2)]
    assert whole[-1] == b"new weights, long enough"
    assert (assembler.abandoned, assembler.complete, assembler.missing) == (1, 1, 0)


def test_two_versions_in_turn_end_with_the_newer_and_the_older_never_replaces_it() -> None:
    old, new = parts_of(b"old weights, long enough", step=1), parts_of(b"new weights, long enough", step=2)
    assembler = WeightsAssembler()
    turns = [*old[:1], *new[:1], *old[1:2], *new[1:], *old[2:]]
    whole = [file for part in turns if (file := assembler.add(*part)) is not None]
    assert whole == [b"new weights, long enough"]


def test_a_trainer_that_was_restarted_may_begin_again_at_an_earlier_step() -> None:
    assembler = WeightsAssembler()
    for part in parts_of(b"of the first run........", step=900):
        assembler.add(*part)
    whole = [assembler.add(*part) for part in parts_of(b"of the second run.......", step=5, sender="two")]
    assert whole[-1] == b"of the second run......."


@pytest.mark.parametrize("change", [{"parts": 5}, {"bytes": 23}, {"content": "0" * 64}, {"part": 60}])
def test_labels_that_contradict_their_bytes_are_refused(change: dict[str, object]) -> None:
    assembler = WeightsAssembler()
    for told, piece in parts_of(b"twenty-four bytes, these"):
        assert assembler.add(replace(told, **change), piece) is None  # type: ignore[arg-type]
    assert assembler.damaged > 0
    assert assembler.complete == 0


@given(st.integers(1, 1 << 30))
def test_a_large_file_has_larger_parts_and_no_more_than_a_subscriber_can_hold(size: int) -> None:
    assert -(-size // part_bytes(size)) <= weight_parts.MOST_PARTS
