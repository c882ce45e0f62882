"""The answer is drawn along the upper edge of the picture, the state of teaching along the lower one."""

from __future__ import annotations

import numpy as np
import pytest

from aassl_ros.ros.annotate import annotate

GREY = 200


@pytest.mark.parametrize("shape", [(480, 640, 3), (48, 48, 3), (6, 8, 3)])
def test_the_answer_is_above_the_note_below_and_the_frame_is_not_changed(shape: tuple[int, int, int]) -> None:
    frame = np.full(shape, GREY, np.uint8)
    plain, noted = annotate(frame, "mug 87 %"), annotate(frame, "mug 87 %", "teaching cup")
    assert (frame == GREY).all()
    assert (plain[0] != GREY).any()
    if shape[0] > 40:
        half = shape[0] // 2
        assert np.array_equal(plain[:half], noted[:half])
        assert (plain[-1] == GREY).all()
        assert (noted[-1] == GREY // 4).all()  # the bar
        assert noted[half:].max() > GREY  # white letters


def test_another_note_is_another_picture() -> None:
    frame = np.zeros((120, 160, 3), np.uint8)
    assert not np.array_equal(annotate(frame, "mug 50 %", "teaching cup"), annotate(frame, "mug 50 %", "2 known"))


def test_another_unicode_name_is_another_picture() -> None:
    frame = np.zeros((120, 320, 3), np.uint8)
    assert not np.array_equal(annotate(frame, "Schüssel 50 %"), annotate(frame, "Schössel 50 %"))
