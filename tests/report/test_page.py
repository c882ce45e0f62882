from __future__ import annotations

from pathlib import Path

import numpy as np

from aassl_ros.report import plots
from aassl_ros.report.page import Page


def test_a_page_contains_its_pictures_and_escapes_names(tmp_path: Path) -> None:
    page = Page("A run of <mug>")
    page.heading("Tables & pictures")
    page.table(["object", "accuracy"], [("<script>", 0.5)])
    page.picture(plots.accuracy_bars({"online encoder": 0.7, "random encoder": 0.3}, 0.1), "bars")
    page.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "A run of &lt;mug&gt;" in text
    assert "<script>" not in text
    assert "data:image/png;base64," in text
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_each_picture_is_a_png() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (5, 8, 8, 3), dtype=np.uint8)
    times = np.linspace(0, 2, 20)
    curves = rng.normal(size=(20, 3))
    pictures = [
        plots.frames_grid(frames, ["a"] * 5),
        plots.joint_curves(times, curves, np.full_like(curves, np.nan), ["j1", "j2", "j3"]),
        plots.loss_curves({"offline": [{"step": 1, "loss": 2.0}], "online": []}, ["loss", "action"]),
        plots.confusion(np.array([[3.0, 1.0], [0.0, 0.0]]), ["cup", "lamp"]),
        plots.embedding(rng.normal(size=(6, 2)), ["cup", "lamp"] * 3, np.array([True, False] * 3)),
        plots.answers_over_time(times[:2], ["cup", "__unknown__"], ["cup", "lamp"], ["cup", "lamp"]),
    ]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
