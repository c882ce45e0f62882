"""The probe accuracy of online training: labelled objects of the buffer, each named by views of others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.learning.online.live_probe import LiveProbe, labelled_views
from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.settings import LearnerSettings

SIZE = 8


def filled_buffer(categories: dict[str, tuple[str, ...]], frames: int = 30, capacity: int = 1000) -> ReplayBuffer:
    """A buffer whose frames hold the number of their object in every pixel. categories: objects by category."""
    buffer = ReplayBuffer(capacity, SIZE, ("wrist",))
    number = 0
    for category, instances in categories.items():
        for instance in instances:
            for place in range(frames):
                image = np.full((SIZE, SIZE, 3), number, np.uint8)
                buffer.append(image, 1 + place, f"{instance}-episode", instance=instance, category=category)
            number += 1
    return buffer


def test_views_are_those_of_labelled_objects_whose_category_has_two_of_them() -> None:
    buffer = filled_buffer({"mug": ("a", "b"), "": ("c",), "bowl": ("d", "e", "f"), "can": ("g",)})
    views = labelled_views(buffer)
    assert views is not None
    shown = views.frames[:, 0, 0, 0]
    assert set(shown) == {0, 1, 3, 4, 5}
    assert views.categories == 2
    assert {tuple(sorted(set(shown[views.targets == target]))) for target in (0, 1)} == {(3, 4, 5), (0, 1)}
    for thing in np.unique(views.objects):
        assert len(set(shown[views.objects == thing])) == 1
        assert np.count_nonzero(views.objects == thing) == 10


def test_frames_of_discarded_episodes_and_overwritten_frames_are_left_out() -> None:
    buffer = filled_buffer({"mug": ("a", "b", "c"), "bowl": ("d", "e", "f")}, capacity=170)
    buffer.discard("b-episode")
    views = labelled_views(buffer)
    assert views is not None
    assert set(views.frames[:, 0, 0, 0]) == {0, 2, 3, 4, 5}


@pytest.mark.parametrize("categories", [{}, {"": ("a", "b")}, {"mug": ("a", "b")}, {"mug": ("a",), "bowl": ("b",)}])
def test_without_two_categories_of_two_objects_there_is_no_probe(categories: dict[str, tuple[str, ...]]) -> None:
    assert labelled_views(filled_buffer(categories)) is None


def test_a_probe_says_how_well_an_encoder_tells_the_categories_and_leaves_the_encoder_alone() -> None:
    buffer = filled_buffer({"dark": ("a", "b", "c"), "light": ("d", "e", "f")})
    for slot in range(len(buffer)):
        dark = buffer.frames[slot, 0, 0, 0] < 3
        buffer.frames[slot, :, : SIZE // 2] = 10 if dark else 250

    class Left(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images[:, :, :, : SIZE // 2].mean(dim=(2, 3))

    encoder = Left().train()
    probe = LiveProbe(lambda images: images.permute(0, 3, 1, 2).float(), torch.device("cpu"))
    probe.look(0.0, encoder, 7, buffer)
    probe.stop()
    assert probe.result is None  # 0: never
    probe = LiveProbe(lambda images: images.permute(0, 3, 1, 2).float(), torch.device("cpu"))
    probe.look(1000.0, encoder, 7, buffer)
    assert probe._thread is not None
    probe._thread.join()
    assert probe.result is not None
    assert (probe.result.accuracy, probe.result.step, probe.result.objects, probe.result.categories) == (1.0, 7, 6, 2)
    assert encoder.training
    first = probe.result
    probe.look(1000.0, encoder, 8, buffer)
    probe.stop()
    assert probe.result is first  # not before its time


def test_a_probe_that_fails_is_told_and_is_not_the_end() -> None:
    buffer = filled_buffer({"dark": ("a", "b", "c"), "light": ("d", "e", "f")})
    probe = LiveProbe(lambda images: images[:, 0, 0, 0].float(), torch.device("cpu"))
    probe.look(1000.0, torch.nn.Linear(3, 3), 7, buffer)
    assert probe._thread is not None
    probe._thread.join()
    assert probe.problem.startswith("the probe failed: ")
    assert probe.result is None


def test_the_trainer_reports_the_probe_and_labels_change_nothing_in_its_training(
    tmp_path: Path, filled: Callable[..., Any]
) -> None:
    learner = LearnerSettings(width=8, image_size=32, batch=16, device="cpu", method="simclr_tt")
    losses = []
    for name, seconds in (("with", 0.001), ("without", 0.0)):
        values = OnlineSettings(run_dir=str(tmp_path / name), min_frames=60, min_episodes=4, tensorboard=True)
        trainer = OnlineTrainer(replace(values, probe_seconds=seconds), learner, sets=("train", "online"))
        intake = filled(episodes=6)
        trainer.start(intake)
        until = time.monotonic() + 600
        while (trainer.status.probe is None if seconds else trainer.status.step < 3) or trainer.status.step < 3:
            assert time.monotonic() < until, trainer.status
            time.sleep(0.01)
        trainer.stop()
        lines = (tmp_path / name / "log.jsonl").read_text().splitlines()
        losses.append(json.loads(lines[0])["loss"])
        assert any((tmp_path / name / "tensorboard").iterdir())
        if seconds:
            metrics = trainer.status.metrics()
            assert 0 <= metrics["probe_accuracy"] <= 1
            assert trainer.status.probe.categories == 3
    assert losses[0] == losses[1]
