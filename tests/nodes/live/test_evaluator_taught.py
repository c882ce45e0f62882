"""The evaluator node with what it was taught: unnamed objects beside it, its own confidence, damage on the disk."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from std_msgs.msg import String

from aassl_ros.benchmarks.patterns import draw_pattern, write_patterns
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.gallery.store import GalleryStore
from aassl_ros.data.interfaces import topics

SIZE, STRANGER = 48, "slanted"
ANSWERS = 30


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """Two objects of each of two categories, four views each."""
    rng = np.random.default_rng(1)
    store = GalleryStore(tmp_path / "taught")
    for category in ("lying", "standing"):
        for _ in range(2):
            store.teach(category, [draw_pattern(category, SIZE, rng.random(), rng) for _ in range(4)])
    return tmp_path / "taught"


@pytest.fixture
def evaluator(ros: Any, start_node: Any, make_checkpoint: Any, taught: Path) -> Callable[..., Any]:
    """evaluator(seen=DATA) starts one that has been taught, and returns its process."""
    common = {"checkpoint": make_checkpoint("first"), "taught": taught, "device": "cpu", "smoothing_s": 0.0}
    return lambda **parameters: start_node("evaluator", {**common, **parameters})


@pytest.fixture
def asked(ros: Any, stage: Any) -> Callable[[str], list[str]]:
    """asked("lying"): shows an object and returns the labels of thirty answers for its frames."""
    answers: list[dict[str, Any]] = []
    stage.node.create_subscription(String, topics.ANSWER, lambda text: answers.append(json.loads(text.data)), 10)

    def ask(category: str) -> list[str]:
        stage.shown = category
        since_ns = stage.now_ns()

        def later() -> list[str]:
            return [one["label"] for one in answers if one["stamp"] > since_ns]

        ros.wait_for(lambda: len(later()) >= ANSWERS, what=f"answers for {category}")
        return later()[:ANSWERS]

    return ask


def test_objects_handled_without_names_help_to_refuse_a_stranger_and_known_ones_keep_their_names(
    ros: Any, stage: Any, evaluator: Callable[..., Any], asked: Callable[[str], list[str]], tmp_path: Path
) -> None:
    alone = evaluator()
    assert asked(STRANGER).count(UNKNOWN) < 0.2 * ANSWERS  # the encoder is not trained: all stripes are alike to it
    alone.terminate()
    alone.wait(timeout=60)
    evaluator(seen=write_patterns(tmp_path / "seen", instances=6, frames=10, image_size=SIZE).path)
    assert asked(STRANGER).count(UNKNOWN) > 0.9 * ANSWERS
    for category in ("lying", "standing"):
        assert asked(category).count(category) > 0.7 * ANSWERS
    values = ros.wait_for(
        lambda: stage.values("evaluator").get("classifier") == "seen" and stage.values("evaluator"),
        what="its classifier",
    )
    assert float(values["calibration_error"]) < 0.5


def test_it_tells_how_reliable_its_confidence_is_as_a_line_and_as_a_page(
    ros: Any, stage: Any, evaluator: Callable[..., Any], asked: Callable[[str], list[str]], tmp_path: Path
) -> None:
    evaluator()
    asked("lying")
    listed = ros.run("gallery", "list").stdout
    (error,) = re.findall(r"^([\d.]+) % calibration error of these names", listed, re.MULTILINE)
    done = ros.run("gallery", "report", "-o", str(tmp_path / "page.html"))
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"<b>{error} %</b>calibration error" in page
    (file,) = re.findall(r'download="reliability.csv" href="data:text/csv;base64,([^"]+)"', page)
    bins = list(csv.DictReader(io.StringIO(base64.b64decode(file).decode())))
    counts = np.array([int(row["answers"]) for row in bins])
    assert counts.sum() == 16  # each view is asked once, with its object left out
    gaps = [abs(float(row["mean confidence"]) - float(row["share correct"])) for row in bins]
    assert 100 * np.average(gaps, weights=counts) == pytest.approx(float(error), abs=0.1)
    refused = ros.run("gallery", "undo", "-o", str(tmp_path / "page.html"))
    assert refused.returncode == 2
    assert "--out applies only to gallery report" in refused.stderr


def test_a_second_evaluator_with_the_same_taught_objects_is_refused(
    ros: Any, stage: Any, evaluator: Callable[..., Any], taught: Path
) -> None:
    evaluator()
    ros.wait_for(lambda: stage.values("evaluator"), what="the first one")
    second = evaluator()
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 1
    assert f"another evaluator that can be taught is at work in {taught}." in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_damaged_gallery_is_recovered_from_its_backup_told_and_taught_again(
    ros: Any, stage: Any, evaluator: Callable[..., Any], asked: Callable[[str], list[str]], taught: Path
) -> None:
    damaged = taught / "pictures" / GalleryStore(taught).lessons[0].pictures[0]
    (taught / "gallery.json").write_bytes(b'{"lessons": [')
    damaged.write_bytes(b"no picture")
    process = evaluator(refuse_known=0.0)
    for category in ("lying", "standing"):
        assert asked(category).count(category) > 0.55 * ANSWERS
    assert "standing  4 views of 1 object" in ros.run("gallery", "list").stdout  # the last lesson is lost
    assert "done: teach standing" in ros.run("teach", "standing", "--seconds", "0.5").stdout
    assert GalleryStore(taught).last_change == "teach standing"
    process.terminate()
    said, _ = process.communicate(timeout=60)
    assert said.count("gallery.json is damaged") == 1, said
    assert said.count(damaged.name) == 1, said
    assert "Traceback" not in said
    for table in ("gallery.json", "gallery.backup.json"):
        (taught / table).write_bytes(b"[")
    process = evaluator()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len([line for line in said.splitlines() if "Move the folder away" in line]) == 1, said
    assert "Traceback" not in said
