"""`aassl bench openset`: a table for any prepared data, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.cli.main import main
from aassl_ros.learning.measures.reliability import Reliability

SMALL = ("--pretrained", "pretrained:efficientnet_lite0:32", "--quick", "--frames", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three categories of stripes, four objects each, all in the set train."""
    return write_patterns(tmp_path_factory.mktemp("openset") / "data", instances=4, frames=6).path


def test_it_compares_encoders_and_methods_on_objects_taken_out_of_train(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ("bench", "openset", str(data), "--split", "val", *SMALL)
    assert main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["names"], figures["taught_names"], figures["draws"]) == (3, 2, 3)
    assert {(row["method"], row["views"]) for row in figures["rows"]} == {
        (method, views) for method in ("knn", "judge", "judge, seen", "judge, seen kinds") for views in (1, 2, 5, 10, 0)
    }
    many = next(row for row in figures["rows"] if row["method"] == "judge" and row["views"] == 10)
    assert many["accuracy"]["mean"] > 0.6
    assert len(many["auroc"]["draws"]) == 3
    diagram = Reliability.of_bins(many["reliability"])
    assert diagram.answers.sum() > 0
    assert np.average(diagram.accuracy, weights=diagram.answers) == pytest.approx(many["accuracy"]["mean"], abs=1e-3)
    result = tmp_path / "openset.json"
    result.write_text(json.dumps(figures))
    assert main(["report", str(result)]) == 0
    report = Path(capsys.readouterr().out.strip())
    assert report == tmp_path / "openset.report.html"
    page = report.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert 'download="reliability.csv"' in page
    assert "judge, seen kinds, 5 views" in page
    assert main(list(words)) == 0
    text = capsys.readouterr().out
    assert "| encoder | method | views taught | asked | correct |" in text
    for asked in ("views", "objects"):
        assert text.count(f"| pretrained:efficientnet_lite0:32 | judge | 5 | {asked} |") == 1
    assert many["object_accuracy"]["mean"] >= many["accuracy"]["mean"]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((), 1, "has 0 names of level category with views to teach and to ask, expected three or more"),
        (("--split", "val", "--known", "1"), 2, "known = 1.0, expected between 0 and 1"),
        (("--split", "val", "--draws", "1"), 2, "draws = 1, expected at least 2"),
        (("--split", "val", "--checkpoint", "/nowhere"), 1, "/nowhere"),
        (("--split", "val", "--pretrained", ""), 2, "no encoder is given"),
    ],
)
def test_a_wrong_use_is_one_line(
    words: tuple[str, ...], status: int, message: str, data: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["bench", "openset", str(data), *SMALL, *words]) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
