"""kNN accuracy with each object left out, on features whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from aassl_ros.learning.readout.leave_one_out import leave_one_out_accuracy

VIEWS, OBJECTS, CATEGORIES = 6, 4, 3


def clouds(share_of_object: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views around a centre for each object, which is this share its own and else that of its category."""
    generator = torch.Generator().manual_seed(0)
    objects = torch.arange(CATEGORIES * OBJECTS).repeat_interleave(VIEWS)
    targets = objects // OBJECTS
    of_category = torch.randn(CATEGORIES, 64, generator=generator)[targets]
    of_object = torch.randn(CATEGORIES * OBJECTS, 64, generator=generator)[objects]
    noise = 0.1 * torch.randn(len(objects), 64, generator=generator)
    return (1 - share_of_object) * of_category + share_of_object * of_object + noise, targets, objects


def test_features_of_categories_are_named_whatever_the_object() -> None:
    assert leave_one_out_accuracy(*clouds(0.1)) == 1.0


def test_views_of_the_same_object_do_not_vote() -> None:
    """Every object is a cloud of its own: with its own views each would be named, without them it is by chance."""
    assert leave_one_out_accuracy(*clouds(1.0)) < 0.8


def test_a_category_of_one_object_does_not_count() -> None:
    features, targets, objects = clouds(0.1)
    alone = torch.cat([features, 5 * torch.randn(4, 64)]), torch.cat([targets, torch.full((4,), CATEGORIES)])
    assert leave_one_out_accuracy(*alone, torch.cat([objects, torch.full((4,), 99)])) == 1.0


@pytest.mark.parametrize("categories", [0, 1])
def test_without_two_categories_there_is_no_accuracy(categories: int) -> None:
    features, targets, objects = clouds(0.1)
    chosen = targets < categories
    assert math.isnan(leave_one_out_accuracy(features[chosen], targets[chosen], objects[chosen]))
