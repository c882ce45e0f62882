from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from aassl_ros.learning.augmentation.augmentation import Augmentation, AugmentationSettings
from aassl_ros.learning.encoders.factory import EncoderSettings, build_encoder
from aassl_ros.learning.readout.features import calibrate_batch_norm, embed, one_thread_each

FRAMES = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
NORMALISE = Augmentation(AugmentationSettings(), 32).plain


def test_features_are_those_of_the_chosen_frames_whatever_the_batch() -> None:
    encoder = build_encoder(EncoderSettings(width=4)).train()
    chosen = np.array([3, 17, 4, 49, 0])
    done: list[int] = []

    in_one = embed(encoder, FRAMES, chosen, NORMALISE)
    in_parts = embed(encoder, FRAMES, chosen, NORMALISE, batch=2, progress=done.append)

    torch.testing.assert_close(in_one, in_parts, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        alone = encoder.eval()(NORMALISE(torch.from_numpy(FRAMES[[4]])))
    torch.testing.assert_close(in_one[2:3], alone, atol=1e-5, rtol=1e-4)
    assert done == [2, 2, 1]


def test_embedding_leaves_the_encoder_as_it_was() -> None:
    encoder = build_encoder(EncoderSettings(width=4)).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}

    embed(encoder, FRAMES, np.arange(50), NORMALISE)

    assert encoder.training
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_batches_side_by_side_give_the_same_features_in_order() -> None:
    encoder = build_encoder(EncoderSettings(width=4))
    done: list[int] = []

    one_by_one = embed(encoder, FRAMES, np.arange(50), NORMALISE, batch=8)
    side_by_side = embed(encoder, FRAMES, np.arange(50), NORMALISE, batch=8, workers=3, progress=done.append)

    torch.testing.assert_close(one_by_one, side_by_side, atol=1e-5, rtol=1e-4)
    assert done == [8] * 6 + [2]


def test_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    with one_thread_each() as threads:
        assert (torch.get_num_threads(), threads) == (1, before)
    assert torch.get_num_threads() == before


def test_calibrated_batch_norm_lets_features_out_with_the_statistics_of_the_frames() -> None:
    class Wide(nn.Module):
        """Features with a mean of 5 and a deviation of 3, then batch norm."""

        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, images: Tensor) -> Tensor:
            return self.norm(5 + 3 * images).mean(dim=(2, 3))

    encoder = Wide()
    standardise = lambda images: (images.permute(0, 3, 1, 2).float() - 127.5) / 73.9  # noqa: E731

    calibrate_batch_norm(encoder, FRAMES, np.arange(50), standardise)

    np.testing.assert_allclose(encoder.norm.running_mean, 5, atol=0.1)
    np.testing.assert_allclose(encoder.norm.running_var, 9, atol=0.3)
    assert encoder.norm.momentum == 0.1
    assert not encoder.training
