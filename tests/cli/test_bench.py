"""`aassl bench`: figures and those of their baselines."""

from __future__ import annotations

import json

import pytest

from aassl_ros.cli.main import main
from aassl_ros.learning.objectives.methods import METHODS

TINY = ("--quick", "--width", "4", "--image-size", "16", "--batch", "16")


def test_a_step_is_measured_against_its_encoder_alone(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "step", "--json", *TINY]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["efficiency"] < 1.5
    assert -1 < figures["action_overhead"] < 3
    assert figures["images_per_s"] > 0
    assert figures["bare_images_per_s"] > 0
    assert figures["device"] in ("cpu", "cuda")
    assert figures["encoder"] == "resnet18 width 4, 16 px, batch 16"


def test_every_method_is_measured_and_the_slowest_is_named(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "family", "--json", *TINY]) == 0
    figures = json.loads(capsys.readouterr().out)
    ratios = {name: value for name, value in figures.items() if name.startswith("step_ratio_")}
    assert figures["worst_step_ratio"] == max(ratios.values()) == ratios[f"step_ratio_{figures['method']}"]
    assert len(ratios) == len(METHODS) - 2  # without seq_jepa and supervised


def test_figures_are_readable_without_json(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "step", *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "efficiency"
    assert float(lines[0].split()[1]) > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("step", "--width", "0"), "width = 0, expected an integer from 4 to 512"),
        (("step", "--batch", "1"), "batch = 1, expected an integer from 2"),
        (("step", "--image-size", "3"), "image_size = 3, expected at least 8"),
        (("step", "--device", "bogus"), "device = 'bogus' is not available here"),
        (("data", "--image-size", "3"), "image_size = 3, expected at least 8"),
        (("recognize", "--image-size", "3"), "image_size = 3, expected at least 8"),
        (("recognize", "--camera-size", "0"), "camera_size = 0, expected at least 1"),
        (("recognize", "--threads", "0"), "threads = 0, expected at least 1"),
    ],
)
def test_a_wrong_option_is_wrong_use(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", *words, "--quick"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_reading_data_is_measured_against_a_trainer_and_with_a_million_frames(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "data", "--json", *TINY, "--image-size", "8"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["feed_ratio"] > 10
    assert 0 < figures["sample_ratio_1e6_to_1e4"] < 5
    assert figures["feed_images_per_s"] > figures["trainer_images_per_s"] > 0
    assert figures["frames_sampled"] == "1000000 of 8 px, 0.2 GiB in memory"
    assert 0 < figures["buffer_sample_ratio"] < 10
    assert figures["buffer_append_ms_p99_while_sampling"] > 0
    assert figures["buffer_frames"] == "10000 in memory, 50000 mapped, 8 px, batch 16"


def test_small_batches_are_measured_too(capsys: pytest.CaptureFixture) -> None:
    assert main(["bench", "step", *TINY[:-1], "2"]) == 0


def test_an_adaptation_step_is_measured_against_its_encoder_with_the_same_frozen_layers(
    capsys: pytest.CaptureFixture,
) -> None:
    words = ("--quick", "--batch", "4", "--image-size", "32", "--trainable", "3", "--device", "cpu")
    assert main(["bench", "adapt", "--json", *words]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["step_ratio"] > 0
    assert figures["step_s"] > 0
    assert figures["bare_s"] > 0
    assert figures["trained_layers"] == "3 of 18"
    assert main(["bench", "adapt", "--image-size", "16"]) == 2
    assert "image_size = 16, but efficientnet_lite0 needs images of 32 px or more" in capsys.readouterr().err


def test_prepare_is_measured_against_opencv_and_a_loop_with_the_same_frames(capsys: pytest.CaptureFixture) -> None:
    words = ("--quick", "--frames", "10", "--workers", "1", "--kind", "jpeg")
    assert main(["bench", "prepare", "--json", *words]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["ratio_to_decode"] == figures["jpeg_ratio_to_decode"] > 0
    assert figures["ratio_to_anyreader"] == figures["jpeg_ratio_to_anyreader"] > 0
    assert (figures["frames"], figures["workers"], figures["joint_hz"]) == (10, 1, 100)
