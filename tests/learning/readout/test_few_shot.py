from __future__ import annotations

import numpy as np
import pytest
import torch

from aassl_ros.learning.readout.few_shot import few_shot_accuracy


def test_one_frame_of_a_distinct_object_is_enough() -> None:
    targets, instances = np.repeat([0, 1], 10), np.repeat(np.arange(4), 5)
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0]])[targets] + 0.01 * torch.randn(20, 2)

    accuracy = few_shot_accuracy((features, targets, instances), (features, targets), 1, 10, 0)

    assert accuracy == 1


def test_more_labelled_objects_name_more() -> None:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(5, 16))

    def draw() -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
        targets, instances = np.repeat(np.arange(5), 60), np.repeat(np.arange(50), 6)
        own = rng.normal(size=(50, 16))[instances]
        return torch.from_numpy((places[targets] + 1.5 * own).astype(np.float32)), targets, instances

    train, (test, test_targets, _) = draw(), draw()

    one, five = (few_shot_accuracy(train, (test, test_targets), shots, 100, 0) for shots in (1, 5))

    assert 0.2 < one < five < 1
    assert one == few_shot_accuracy(train, (test, test_targets), 1, 100, 0)


def test_a_category_with_fewer_objects_gives_all_it_has() -> None:
    targets, instances = np.array([0, 0, 1]), np.array([0, 1, 2])
    features = torch.eye(3)

    assert few_shot_accuracy((features, targets, instances), (features, targets), 5, 3, 0) == pytest.approx(1)
