"""`aassl demo`, shortened: the whole loop with real nodes in real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SMALL = ("--seconds", "36", "--categories", "2", "--episode-seconds", "1.2", "--train-seconds", "6",
         "--image-size", "64", "--reference-seconds", "2")  # fmt: skip


def demo(out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aassl_ros.cli.main", "demo", "--out", str(out), *SMALL, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo; it was interrupted while it collected and run again, as a person would."""
    out = tmp_path_factory.mktemp("demo") / "out"
    first = demo(out)
    until = time.monotonic() + 120
    while not (out / "bags" / "collect").exists() and time.monotonic() < until and first.poll() is None:
        time.sleep(0.2)  # a process of another program: there is nothing of its to wait for but its files
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=600)
    assert first.returncode == 1, said
    assert said.strip().splitlines()[-1] == "aassl: interrupted.", said
    second = demo(out)
    said, _ = second.communicate(timeout=900)
    assert second.returncode == 0, said
    return out


@pytest.fixture(scope="module")
def metrics(finished: Path) -> dict[str, Any]:
    return dict(json.loads((finished / "metrics.json").read_text()))


def test_it_writes_bags_checkpoint_metrics_and_report(finished: Path) -> None:
    assert (finished / "checkpoint" / "weights.safetensors").is_file()
    assert {path.name for path in (finished / "bags").iterdir()} == {"collect", "online"}
    report = (finished / "report.html").read_text()
    assert report.count("data:image/png;base64,") == 8
    assert "http://" not in report
    assert "https://" not in report


def test_its_metrics_have_the_keys_that_scripts_rely_on(metrics: dict[str, Any]) -> None:
    assert set(metrics) == {"frozen", "offline", "online", "scratch", "live", "stream", "seconds"}
    for phase in ("frozen", "offline", "online", "scratch"):
        assert metrics[phase]["chance"] == pytest.approx(0.5)
        assert set(metrics[phase]["baselines"]) == {"random_encoder", "colour_histogram"}
        assert set(metrics[phase]["few_shot"]) == {"1", "5"}
        assert not set(metrics[phase]["train_instances"]) & set(metrics[phase]["test_instances"])
    assert metrics["live"]["answers"] > 20
    assert 0 <= metrics["live"]["accuracy"] <= 1
    parts = metrics["live"]["by_checkpoint"]
    assert sum(part["answers"] for part in parts) == metrics["live"]["answers"]
    assert metrics["frozen"]["method"] == "frozen"
    assert metrics["online"]["baselines"] == metrics["frozen"]["baselines"]


def test_every_frame_is_in_the_bag_with_its_sample(metrics: dict[str, Any]) -> None:
    stream = metrics["stream"]
    assert stream["frames_dropped"] == 0
    assert stream["frames_written"] == stream["frames_received"] > 200
    assert stream["frames_with_sample"] >= stream["frames_written"] - 3  # before the first joint state there is none
    assert stream["bracket_ms_median"] == pytest.approx(10, abs=1)


def test_the_trainer_node_did_not_train_on_the_test_objects(finished: Path) -> None:
    facts = json.loads((finished / "checkpoint" / "checkpoint.json").read_text())
    offline = json.loads((finished / "evaluation_offline.json").read_text())
    assert not set(facts["instances"]) & set(offline["test_instances"])
    assert set(offline["train_instances"]) < set(facts["instances"]), "objects of the online set were learned from, too"


def test_it_adapts_the_pretrained_encoder_and_trains_a_small_one_for_comparison(finished: Path) -> None:
    config = {name: json.loads((finished / name / "checkpoint" / "checkpoint.json").read_text())["config"]
              for name in ("offline", "online", "scratch")}  # fmt: skip
    assert config["offline"]["weights"] == "pretrained"
    assert {config[name]["encoder"] for name in ("offline", "online")} == {"efficientnet_lite0"}
    assert (config["scratch"]["encoder"], config["scratch"]["weights"]) == ("resnet18", "")
    report = (finished / "report.html").read_text()
    assert all(word in report for word in ("frozen encoder", "adapted encoder", "small ResNet"))


@pytest.mark.slow
def test_from_scratch_it_trains_a_new_encoder(tmp_path: Path) -> None:
    process = demo(tmp_path / "out", "--from-scratch")
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0, said
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(metrics) == {"offline", "online", "live", "stream", "seconds"}
    facts = json.loads((tmp_path / "out" / "checkpoint" / "checkpoint.json").read_text())
    assert (facts["config"]["encoder"], facts["config"]["image_size"]) == ("resnet18", 48)


def test_the_report_can_be_written_again(finished: Path) -> None:
    (finished / "report.html").unlink()
    subprocess.run([sys.executable, "-m", "aassl_ros.cli.main", "report", str(finished)], check=True)
    assert (finished / "report.html").is_file()
