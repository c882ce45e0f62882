"""Heads: their sizes, what order does to them, and what keeps the action embedding from collapsing."""

from __future__ import annotations

import pytest
import torch

from aassl_ros.learning.objectives.heads import ActionHead, JointHead, Projector, deep_perceptron, hidden_width


def test_hidden_widths_are_the_published_ones_but_at_most_four_times_the_features() -> None:
    assert hidden_width(1024, 512) == 1024
    assert hidden_width(1024, 64) == 256
    assert Projector(512).net[0].weight.shape == (256, 512)
    assert Projector(32).net[0].weight.shape == (128, 32)
    assert JointHead(512, "concat").net[0].weight.shape == (1024, 1024)
    assert JointHead(512, "difference").net[0].weight.shape == (1024, 512)


def test_the_concatenating_joint_head_distinguishes_a_move_from_its_inverse() -> None:
    head, first, second = JointHead(16, "concat"), torch.randn(8, 16), torch.randn(8, 16)
    assert not torch.allclose(head(first, second), head(second, first))


def test_the_difference_head_sees_only_the_difference() -> None:
    head, first, second = JointHead(16, "difference"), torch.randn(8, 16), torch.randn(8, 16)
    shift = torch.randn(8, 16)
    torch.testing.assert_close(head(first + shift, second + shift), head(first, second), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(head(first, second), head(second, first))


def test_action_embeddings_are_standardised_over_the_batch_by_a_norm_without_weights() -> None:
    head = ActionHead(6, 256)
    embedding = head(torch.randn(64, 6))
    assert embedding.shape == (64, 128)
    torch.testing.assert_close(embedding.mean(0), torch.zeros(128), atol=1e-4, rtol=0)
    torch.testing.assert_close(embedding.var(0, unbiased=False), torch.ones(128), atol=1e-2, rtol=0)
    assert head.net[-1].weight is None


def test_an_unknown_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="fusion 'sum', expected one of concat, difference"):
        JointHead(16, "sum")


def test_a_deep_perceptron_goes_through_every_width_and_may_end_in_a_norm_without_weights() -> None:
    layers = deep_perceptron([6, 5, 4, 3], closing_norm=True)
    names = [type(layer).__name__ for layer in layers]
    assert names == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear", "BatchNorm1d"]
    assert [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)] == [5, 4, 3]
    assert layers[-1].weight is None
    assert [type(layer).__name__ for layer in deep_perceptron([6, 3])] == ["Linear"]
