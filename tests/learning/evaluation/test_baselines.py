from __future__ import annotations

import numpy as np
import torch

from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.evaluation.baselines import colour_histogram, random_encoder


def test_a_histogram_counts_colours_wherever_they_are() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    shuffled = rng.permutation(frame.reshape(-1, 3)).reshape(8, 8, 3)
    red = np.broadcast_to(np.array([255, 0, 0], np.uint8), (8, 8, 3))

    found = colour_histogram(np.stack([frame, shuffled, red]), np.array([2, 0, 1]))

    torch.testing.assert_close(found[1], found[2])
    assert found[0, 3 * 16] == 1
    torch.testing.assert_close(found.square().sum(dim=1), torch.ones(3))


def test_a_long_list_of_frames_is_counted_in_parts() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1100, 4, 4, 3), dtype=np.uint8)

    found = colour_histogram(frames, np.arange(1100))

    torch.testing.assert_close(found[1000:1001], colour_histogram(frames, np.array([1000])))


def test_a_random_encoder_is_drawn_from_its_seed_and_from_nothing_else() -> None:
    torch.manual_seed(1)
    one = random_encoder(lambda: build_encoder(EncoderSettings(width=4)), 7)
    drawn_next = torch.rand(1)
    torch.manual_seed(1)
    other = random_encoder(lambda: build_encoder(EncoderSettings(width=4)), 8)
    again = random_encoder(lambda: build_encoder(EncoderSettings(width=4)), 7)

    assert torch.equal(one.conv1.weight, again.conv1.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    assert torch.equal(drawn_next, torch.rand(1))
