"""`aassl export`: a backbone made from a run or from published weights can be trained and evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.cli.main import main
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.recognition.eye import load_eye

FOREIGN = ("--encoder", "resnet18", "--width", "4", "--image-size", "32", "--pixel-statistics", "imagenet")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("export")
    write_synthetic(folder / "data", episodes=8, frames=20, image_size=16)
    words = ["--width", "4", "--batch", "40", "--epochs", "1", "--method", "simclr_tt", "--device", "cpu"]
    assert main(["train", str(folder / "data"), "-o", str(folder / "run"), *words]) == 0
    return folder / "run"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Weights as another program might write them, classifier and all."""
    encoder = build_encoder(EncoderSettings(width=4))
    weights = {name: value.contiguous() for name, value in encoder.state_dict().items()}
    weights["fc.weight"] = weights["fc.bias"] = encoder.bn1.weight.detach().clone()
    weights["fc.bias"] = weights["fc.bias"].clone()
    safetensors.torch.save_file(weights, tmp_path / "imagenet.safetensors")
    return tmp_path / "imagenet.safetensors"


def test_a_run_becomes_a_backbone_that_another_run_starts_from(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "backbone.safetensors"
    assert main(["export", str(run), "-o", str(file)]) == 0
    assert f"{file}: resnet18 of width 4 and stem imagenet of simclr_tt, 32 features" in capsys.readouterr().out
    words = ["train", str(run.parent / "data"), "-o", str(tmp_path / "run"), "--width", "4", "--batch", "40"]
    assert main([*words, "--epochs", "1", "--weights", str(file), "--device", "cpu"]) == 0
    assert f"aassl: resnet18 starts from the weights of {file}." in capsys.readouterr().err
    assert main([*words, "--width", "8", "--weights", str(file), "--out", str(tmp_path / "other")]) == 1
    assert "does not fit resnet18 of width 8 and stem imagenet" in capsys.readouterr().err


def test_published_weights_become_a_frozen_reference(
    run: Path, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "frozen.safetensors"
    assert main(["export", str(foreign), "-o", str(file), *FOREIGN]) == 0
    assert "Left out: fc.bias, fc.weight." in capsys.readouterr().out
    words = ["--split", "val", "--measures", "category", "--frames-per-episode", "4", "--device", "cpu", "--json"]
    assert main(["evaluate", str(file), str(run.parent / "data"), *words]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert (reported["method"], 0 <= reported["probe"]["accuracy"] <= 1) == ("frozen", True)


def test_the_pretrained_encoder_is_exported_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name, file = "pretrained:efficientnet_lite0:32", tmp_path / "eye.safetensors"
    assert main(["export", name, "-o", str(file)]) == 0
    assert "efficientnet_lite0 at 32 px of frozen, 1280 features of 32 px images" in capsys.readouterr().out
    assert load_eye(file).digest == load_eye(name).digest
    assert main(["export", name, "-o", str(tmp_path / "eye.onnx"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] < 1e-3
    assert main(["export", name, "-o", str(file), "--image-size", "64"]) == 2
    assert "already names encoder and size" in capsys.readouterr().err


def test_a_backbone_that_has_seen_the_test_objects_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file, data = tmp_path / "backbone.safetensors", run.parent / "data"
    assert main(["export", str(run), "-o", str(file)]) == 0
    assert main(["evaluate", str(file), str(data), "--split", "val"]) == 1
    assert "the encoder was trained on" in capsys.readouterr().err


def test_a_run_becomes_onnx_and_says_what_was_checked(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("onnxruntime")
    assert main(["export", str(run), "-o", str(tmp_path / "backbone.onnx"), "--json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert (reported["image_size"], reported["features"], reported["method"]) == (16, 32, "simclr_tt")
    assert reported["difference"] < 1e-3


@pytest.mark.parametrize("flags", [FOREIGN, ("--image-size", "64")], ids=["all", "another size"])
def test_a_backbone_never_loses_the_objects_that_it_has_seen(
    flags: tuple[str, ...], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file, other = tmp_path / "backbone.safetensors", tmp_path / "other.safetensors"
    assert main(["export", str(run), "-o", str(file)]) == 0
    assert main(["export", str(file), "-o", str(other), *flags]) == 2
    start, reported = capsys.readouterr().err.rstrip(".\n").split("Leave out ")
    assert start == f"aassl: {file} is a backbone of aassl export and already has its settings. "
    assert set(reported.split(", ")) == {word for word in flags if word.startswith("--")}
    assert not other.exists()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("{run}", "-o", "{out}/backbone.pth"), 2, "expected a name that ends in .safetensors or .onnx"),
        (("{run}", "-o", "{out}/b.safetensors", "--width", "8"), 2, "is a checkpoint and already has its settings"),
        (("{foreign}", "-o", "{out}/b.safetensors"), 1, "is not a backbone"),
        (("{foreign}", "-o", "{out}/b.safetensors", "--encoder", "resnet18"), 2, "also need --image-size, --pixel"),
        (("{foreign}", "-o", "{out}/b.safetensors", *FOREIGN[:5], "0", *FOREIGN[6:]), 2, "--image-size 0: expected"),
        (("{out}/absent", "-o", "{out}/b.safetensors"), 1, "does not exist"),
        (("{foreign}", "-o", "{out}/b.safetensors", *FOREIGN[:3], "8", *FOREIGN[4:]), 1, "bn1.weight is 4, expected 8"),
    ],
    ids=["suffix", "checkpoint", "no settings", "some settings", "no size", "absent", "misfit"],
)  # fmt: skip
def test_a_wrong_call_is_an_error(
    words: tuple[str, ...],
    status: int,
    message: str,
    run: Path,
    foreign: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    places = {"run": run, "foreign": foreign, "out": tmp_path}
    assert main(["export", *(word.format(**places) for word in words)]) == status
    assert message in capsys.readouterr().err
