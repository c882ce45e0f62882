"""Reliability diagrams on a page: a picture with the numbers behind it."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.report.page import Page
from aassl_ros.report.reliability import add_reliability, reliability_diagrams

BLUE, RED = (74, 132, 166), (241, 200, 206)


def of(*answers: tuple[float, bool]) -> Reliability:
    return Reliability.of_answers(np.array([sure for sure, _ in answers]), np.array([right for _, right in answers]))


def share_of(picture: bytes, colour: tuple[int, int, int]) -> float:
    """The share of pixels that are nearly of a colour."""
    pixels: NDArray[np.int64] = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
    return float((np.abs(pixels - colour).max(axis=2) < 15).mean())


def test_honest_answers_have_high_bars_and_boastful_ones_a_red_gap() -> None:
    honest, boastful = of(*[(0.99, True)] * 20), of(*[(0.99, False)] * 20)
    timid = of(*[(0.55, True)] * 20)
    assert share_of(reliability_diagrams({"": timid}), RED) < 0.005
    assert share_of(reliability_diagrams({"": honest}), BLUE) > 0.02
    assert share_of(reliability_diagrams({"": boastful}), BLUE) < 0.005
    assert (
        share_of(reliability_diagrams({"": boastful}), RED) > share_of(reliability_diagrams({"": honest}), RED) + 0.02
    )


def test_the_numbers_behind_it_are_on_the_page(tmp_path: Path) -> None:
    page = Page("trust")
    add_reliability(page, {"<b>first": of((0.99, True), (0.93, False)), "second": of((0.31, True)), "none": of()})
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;first ECE 46.0 %, 2 answers" in text.replace("\n", " ")
    (file,) = re.findall(r'download="reliability.csv" href="data:text/csv;base64,([^"]+)"', text)
    rows = base64.b64decode(file).decode().splitlines()
    assert len(rows) == 1 + 2 * 10
    assert rows[10] == "<b>first,0.9 to 1,0.9600,0.5000,2"
    assert rows[14] == "second,0.3 to 0.4,0.3100,1.0000,1"


def test_without_an_answer_the_page_says_so(tmp_path: Path) -> None:
    page = Page("trust")
    add_reliability(page, {"": of()})
    page.write(tmp_path / "page.html")
    assert "There is no answer whose confidence" in (tmp_path / "page.html").read_text()
