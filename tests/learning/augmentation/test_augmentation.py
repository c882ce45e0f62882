"""Augmentation against kornia, operation by operation, and what is drawn."""

from __future__ import annotations

import math

import kornia.enhance
import kornia.geometry.transform
import pytest
import torch
from torch import Tensor

from aassl_ros.learning.augmentation import colour
from aassl_ros.learning.augmentation.augmentation import Augmentation, AugmentationSettings, crop

NOTHING = {"crop_minimum": 1.0, "jitter_probability": 0.0, "gray_probability": 0.0}


def pictures(count: int, size: int = 24) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))


def photographs(count: int, size: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("ours", "kornias"),
    [
        (colour.brightness_, kornia.enhance.adjust_brightness_accumulative),
        (colour.contrast_, kornia.enhance.adjust_contrast_with_mean_subtraction),
        (colour.saturation_, kornia.enhance.adjust_saturation_with_gray_subtraction),
    ],
)
def test_brightness_contrast_and_saturation_are_kornias(ours, kornias) -> None:
    images, factors = pictures(20), torch.linspace(0.2, 1.8, 20)
    torch.testing.assert_close(ours(images.clone(), factors), kornias(images, factors), atol=1e-6, rtol=0)


def test_hue_is_kornias_for_colourful_gray_black_and_white_pixels() -> None:
    images = pictures(20)
    images[0] = 0.5
    images[1] = 0.0
    images[2] = 1.0
    turns = torch.linspace(-0.5, 0.5, 20)
    expected = kornia.enhance.adjust_hue(images, turns * 2 * math.pi)
    torch.testing.assert_close(colour.hue_(images.clone(), turns), expected, atol=1e-5, rtol=0)


def test_gray_is_kornias() -> None:
    images = pictures(4)
    torch.testing.assert_close(colour.luminance(images), kornia.color.rgb_to_grayscale(images), atol=1e-6, rtol=0)


def test_a_crop_is_kornias_but_for_the_last_pixel_at_its_edge() -> None:
    images = pictures(3, size=32)
    left, top, width, height = 8, 4, 16, 20
    corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    boxes = torch.tensor([corners] * 3, dtype=torch.float32)
    # kornia's boxes name the outer pixels' centres, so its box is a pixel smaller than what it covers.
    boxes = boxes - torch.tensor([[0, 0], [1, 0], [1, 1], [0, 1]])
    expected = kornia.geometry.transform.crop_and_resize(images, boxes, (20, 16), align_corners=True)
    ours = crop(images, torch.tensor([[left, top, width, height]] * 3) / 32, 40)
    resized = torch.nn.functional.interpolate(expected, size=(40, 40), mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours[..., 2:-2, 2:-2], resized[..., 2:-2, 2:-2], atol=1e-5, rtol=0)


def test_a_crop_of_the_whole_picture_is_the_picture() -> None:
    images = pictures(2)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2)
    torch.testing.assert_close(crop(images, whole, 24), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("stored", [64, 96, 128, 224])
def test_large_pictures_keep_the_contrast_that_evaluation_sees(stored: int) -> None:
    augmentation = Augmentation(AugmentationSettings(**NOTHING), 32)
    images = photographs(8, size=stored)  # noise, the finest texture there is
    trained = augmentation(images, torch.Generator().manual_seed(0))
    evaluated = augmentation.plain(images)
    assert trained.std().item() == pytest.approx(evaluated.std().item(), rel=0.25)


def test_each_crop_is_reduced_by_as_much_as_it_needs() -> None:
    images = torch.full((3, 3, 128, 128), 0.5)
    images[:, :, ::2] += 0.25
    images[:, :, 1::2] -= 0.25  # stripes of one pixel: gone when halved, kept otherwise
    boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 0.25, 0.25], [0, 0, 0.5, 0.5]])
    contrasts = crop(images, boxes, 32).std(dim=(1, 2, 3))
    assert contrasts[0] < 1e-6
    assert contrasts[1] == pytest.approx(0.25, rel=0.01)
    assert contrasts[2] < 1e-6
    assert torch.equal(crop(images[1:2], boxes[1:2], 32), crop(images, boxes, 32)[1:2])


def test_with_everything_off_augmented_is_plain() -> None:
    augmentation = Augmentation(AugmentationSettings(**NOTHING), 24)
    images = photographs(5)
    augmented = augmentation(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(augmented, augmentation.plain(images), atol=1e-5, rtol=0)


def test_plain_images_run_from_minus_one_to_one_at_the_training_size() -> None:
    images = photographs(4, size=48)
    images[0], images[1] = 0, 255
    plain = Augmentation(AugmentationSettings(), 24).plain(images)
    assert plain.shape == (4, 3, 24, 24)
    assert plain.dtype == torch.float32
    assert plain[0].unique().tolist() == [-1.0]
    assert plain[1].unique().tolist() == [1.0]
    expected = images[2, :2, :2].float().mean((0, 1)) / 255 * 2 - 1  # area: each output pixel is the mean of four
    torch.testing.assert_close(plain[2, :, 0, 0], expected)


def test_each_image_of_a_batch_is_changed_in_its_own_way() -> None:
    same = photographs(1).repeat(16, 1, 1, 1)
    augmented = Augmentation(AugmentationSettings(), 24)(same, torch.Generator().manual_seed(0)).flatten(1)
    distances = torch.cdist(augmented, augmented) + 100 * torch.eye(16)
    assert distances.min() > 0.1
    assert augmented.min() >= -1
    assert augmented.max() <= 1


def test_the_same_seed_draws_the_same_images_and_leaves_the_callers_alone() -> None:
    augmentation, images = Augmentation(AugmentationSettings(), 24), photographs(8)
    before = images.clone()
    once, again, other = (augmentation(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(images, before)


def test_the_share_of_gray_images_is_as_set() -> None:
    settings = AugmentationSettings(jitter_probability=0.0, gray_probability=0.3)
    augmented = Augmentation(settings, 8)(photographs(2000, size=8), torch.Generator().manual_seed(0))
    gray = (augmented[:, :1] == augmented).flatten(1).all(1)
    assert gray.float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_colour_jitter_reaches_the_share_of_images_that_is_set() -> None:
    settings = AugmentationSettings(crop_minimum=1.0, gray_probability=0.0, jitter_probability=0.6)
    augmentation, images = Augmentation(settings, 8), photographs(2000, size=8)
    augmented = augmentation(images, torch.Generator().manual_seed(0))
    changed = (augmented - augmentation.plain(images)).abs().flatten(1).amax(1) > 1e-3
    assert changed.float().mean().item() == pytest.approx(0.6, abs=0.04)


def test_crops_cover_the_share_of_the_picture_that_is_set() -> None:
    # Each pixel of the picture tells where it lies, so a crop tells how wide it is.
    ramp = torch.arange(64, dtype=torch.uint8).repeat(64, 1)
    image = torch.stack([ramp * 4, ramp.T * 4, torch.zeros_like(ramp)], dim=-1)[None].repeat(500, 1, 1, 1)
    settings = AugmentationSettings(crop_minimum=0.3, crop_maximum=0.6, jitter_probability=0, gray_probability=0)
    augmented = Augmentation(settings, 64)(image, torch.Generator().manual_seed(0))
    spread = (augmented[:, :2].amax((2, 3)) - augmented[:, :2].amin((2, 3))) * 127.5 / 4  # pixels, less one
    area = (spread + 1).prod(1) / 64**2
    assert area.min() > 0.27
    assert area.max() < 0.63
    assert area.std() > 0.05


def test_anything_but_uint8_colour_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        Augmentation(AugmentationSettings(), 24).plain(torch.rand(2, 24, 24, 3))
    with pytest.raises(ValueError, match="expected uint8"):
        Augmentation(AugmentationSettings(), 24).plain(photographs(2)[..., :1])
