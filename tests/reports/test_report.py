"""`aassl report`: one page that needs no other file, with the data behind every plot."""

from __future__ import annotations

import base64
import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aassl_ros.benchmarks.recordings import record_bag
from aassl_ros.cli.main import main
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.report.page import Page

TINY = ["--set", "width=8", "image_size=32", "batch=16", "updates=6", "device=cpu", "method=simclr_tt"]


class Reader(HTMLParser):
    """What a page holds: tags that load something, texts, CSV files by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.files: dict[str, list[list[str]]] = {}
        self.scripts = 0
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script"
        if "src" in found:
            self.sources.append(found["src"])
        if "download" in found:
            text = base64.b64decode(found["href"].split(",", 1)[1]).decode()
            self.files[found["download"]] = list(csv.reader(io.StringIO(text)))

    def handle_data(self, data: str) -> None:
        self.words += data


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    out = tmp_path_factory.mktemp("data") / "data"
    few = ["--categories", "3", "--instances", "4", "--test-instances", "2", "--episodes", "1", "--views", "6"]
    assert main(["synth", "-o", str(out), "--image-size", "32", "--jobs", "1", *few]) == 0
    return PreparedData.open(out)


@pytest.fixture(scope="module")
def runs(data: PreparedData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = []
    for name, seed in (("first", "0"), ("second", "1")):
        assert main(["train", str(data.path), "-o", str(folder / name), "--seed", seed, *TINY]) == 0
        made.append(folder / name)
    return made[0], made[1]


def test_the_page_of_a_run_has_its_losses_settings_versions_and_what_it_sees(
    runs: tuple[Path, Path], data: PreparedData, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(runs[0]), "--data", str(data.path)]) == 0
    page = read(Path(capsys.readouterr().out.strip()))
    assert page.scripts == 0
    assert page.sources
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    log = page.files["log_of_first.csv"]
    assert log[0][:2] == ["step", "loss"]
    assert [row[0] for row in log[1:]] == [str(step) for step in range(1, 7)]
    confusion = page.files["confusion.csv"]
    assert sum(int(cell) for row in confusion[1:] for cell in row[1:]) == len(data.indices(("test",)))
    mistakes = page.files.get("mistakes.csv", [[]])[1:]
    assert all(row[2] != row[3] for row in mistakes)
    right = sum(int(confusion[place + 1][place + 1]) for place in range(len(confusion) - 1))
    assert right + len(mistakes) == len(data.indices(("test",)))
    diagram = page.files["reliability.csv"]
    assert diagram[0] == ["of", "confidence", "mean confidence", "share correct", "answers"]
    for kind in ("before calibration", "calibrated"):
        bins = [row for row in diagram if row[0] == kind]
        assert sum(int(row[4]) for row in bins) == len(data.indices(("test",)))
        assert all(float(row[2]) >= 0.3 for row in bins if int(row[4]))  # the best of three
    sides = page.files["accuracy_by_viewpoint.csv"][1:]
    assert sum(int(row[2]) for row in sides) == len(data.indices(("test",)))
    assert sum(int(row[3]) for row in sides) == right
    for word in (
        "simclr_tt",
        "torch",
        "Nearest neighbours",
        "place in the episode",
        "image_size",
        "colour histograms",
        "calibration error",
    ):
        assert word in page.words


def test_two_runs_are_side_by_side_with_what_differs_first(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "both.html"
    assert main(["report", str(runs[0]), "--compare", str(runs[1]), "-o", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    page = read(out)
    assert {"log_of_first.csv", "log_of_second.csv"} <= page.files.keys()
    settings = re.search(r"Configuration.*?come first\.\s*(\S+?)firstsecond(\w+)", page.words.replace("\n", ""))
    assert settings is not None
    assert settings.group(2).startswith("seed01")


def test_a_bag_and_a_study_have_a_page_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_bag(tmp_path / "bag", "jpeg", 60, 100, 0)
    assert main(["report", str(tmp_path / "bag")]) == 0
    out = Path(capsys.readouterr().out.strip())
    assert out == tmp_path / "bag.report.html"  # a bag is never changed
    assert "Quality of" in read(out).words
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.json").write_text("{}")
    assert main(["report", str(study)]) == 1
    assert "no setting of the study is finished" in capsys.readouterr().err
    (study / "table.md").write_text(
        "# <b>methods\n\nA question?\n\n| a | b |\n|---|---|\n| x | 1.0 |\n\n## Differences\n"
    )
    assert main(["report", str(study)]) == 0
    (study / "plot.csv").write_text("setting,mean\nx,62.5\n")
    assert main(["report", str(study)]) == 0
    page = read(Path(capsys.readouterr().out.strip().splitlines()[-1]))
    assert page.files["table_1.csv"] == [["a", "b"], ["x", "1.0"]]
    assert page.files["plot.csv"] == [["setting", "mean"], ["x", "62.5"]]
    assert "<b>methods" in page.words  # as text


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["/nowhere"], 2, "/nowhere does not exist"),
        (["EMPTY"], 2, "is neither a run"),
        (["EMPTY", "--data", "/nowhere"], 2, "is no run"),
        (["RUN", "--data", "/nowhere"], 1, "/nowhere does not exist"),
        (["RUN", "--compare", "/nowhere"], 1, "/nowhere"),
        (["JSON"], 1, "does not hold what aassl bench openset --json prints"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], status: int, line: str, runs: tuple[Path, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "other.json").write_text('{"rows": [{"mean": 3}]}')
    places = {"EMPTY": str(tmp_path), "RUN": str(runs[0]), "JSON": str(tmp_path / "other.json")}
    assert main(["report", *(places.get(word, word) for word in words), *(["-o", str(tmp_path / "x.html")])]) == status
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said


def test_data_behind_a_plot_are_whole_in_the_file_and_escaped_on_the_page(tmp_path: Path) -> None:
    page = Page("long")
    page.data("<script>", ["n", "<i>"], [(number, "a,b") for number in range(300)])
    page.write(tmp_path / "page.html")
    found = read(tmp_path / "page.html")
    assert found.scripts == 0
    assert len(found.files["_script_.csv"]) == 301
    assert found.files["_script_.csv"][-1] == ["299", "a,b"]
    assert "200 more rows" in found.words
