"""Augmentation of a whole batch on the training device: each image gets its own crop, colour jitter and grayscale.

The operations are those of kornia and torchvision; the tests compare them with kornia. They are implemented here for
speed: on two cores kornia's modules take up to a third of a training step, these a twentieth. One grid_sample crops,
and colours are changed in place, a few images at a time, so that they fit the processor's cache.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from aassl_ros.learning.augmentation import colour
from aassl_ros.learning.augmentation.cpu_parallel import in_parts
from aassl_ros.learning.distributed.ranks import own_rank, rank_count
from aassl_ros.settings import setting

PIXEL_STATISTICS = {
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and standard deviation of red, green and blue (each 0 to 1) by which pixels are normalised."""
_RATIO = (3 / 4, 4 / 3)  # width over height of a crop
_ATTEMPTS = 10  # draws of a crop before the whole picture is used, as torchvision does
_ORDERS = tuple(itertools.permutations(range(4)))


@dataclass(frozen=True)
class AugmentationSettings:
    """How much images are changed; the defaults are the paper's."""

    crop_minimum: float = setting(0.2, "Smallest crop, as a fraction of the picture's area.", minimum=0.01, maximum=1)
    crop_maximum: float = setting(1.0, "Largest crop, as a fraction of the picture's area.", minimum=0.01, maximum=1)
    brightness: float = setting(0.8, "Brightness is multiplied by 1 plus or minus up to this.", minimum=0, maximum=1)
    contrast: float = setting(0.8, "Contrast is multiplied by 1 plus or minus up to this.", minimum=0, maximum=1)
    saturation: float = setting(0.8, "Saturation is multiplied by 1 plus or minus up to this.", minimum=0, maximum=1)
    hue: float = setting(0.2, "Hue is shifted by up to this fraction of the colour circle.", minimum=0, maximum=0.5)
    jitter_probability: float = setting(0.8, "Share of images whose colours are jittered.", minimum=0, maximum=1)
    gray_probability: float = setting(0.2, "Share of images made grayscale.", minimum=0, maximum=1)
    # Applied when pairs are read (learning/batches/flips.py), because it changes their actions, too.
    flip_probability: float = setting(0.0, "Share of pairs that are flipped left to right, with their actions; of "
                                      "images, if the pairs are classic.", minimum=0, maximum=1)  # fmt: skip
    pixel_statistics: str = setting("half", "Mean and standard deviation by which pixels are normalised: 0.5, or "
                                    "ImageNet's, which published weights expect.",
                                    choices=tuple(PIXEL_STATISTICS))  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """Random parameters of the augmentation of N images.

    boxes: float [N, 4], as `crop` takes them; factors: float [4, N], of brightness, contrast, saturation and hue;
    order: int64 [N], the number of the permutation in which these four are applied (24: none is applied);
    gray: bool [N], which images become grayscale.
    """

    boxes: Tensor
    factors: Tensor
    order: Tensor
    gray: Tensor

    def __getitem__(self, part: slice) -> Draws:
        return Draws(self.boxes[part], self.factors[:, part], self.order[part], self.gray[part])


class Augmentation:
    """Augments batches: uint8 [N, S, S, 3] RGB -> float32 [N, 3, image_size, image_size], normalised, channels-last.

    Random numbers are drawn on the CPU from the given generator, so that a seed gives the same images on every device.
    """

    def __init__(self, settings: AugmentationSettings, image_size: int) -> None:
        self.settings = settings
        self.image_size = image_size

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment images, on their device. R ranks draw what one process with all their images would draw.

        Args:
            images: uint8 [N, S, S, 3] RGB.
            generator: on the CPU; all random numbers come from it.

        Returns:
            float32 [N, 3, image_size, image_size], normalised.

        Raises:
            ValueError: the images have another type or shape.
        """
        count, rank = len(images), own_rank()
        draws = self.draw(rank_count() * count, generator)  # for the images of all ranks, in order of rank
        return self.change(images, draws[rank * count : (rank + 1) * count])

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Draw the random parameters for `count` images."""
        settings = self.settings
        boxes = _draw_boxes(count, (settings.crop_minimum, settings.crop_maximum), generator)
        reaches = (settings.brightness, settings.contrast, settings.saturation)
        factors = [1 + reach * _symmetric(count, generator) for reach in reaches]
        factors.append(settings.hue * _symmetric(count, generator))
        order = torch.randint(len(_ORDERS), (count,), generator=generator)
        order[torch.rand(count, generator=generator) >= settings.jitter_probability] = len(_ORDERS)
        gray = torch.rand(count, generator=generator) < settings.gray_probability
        return Draws(boxes, torch.stack(factors), order, gray)

    def change(self, images: Tensor, draws: Draws) -> Tensor:
        """Apply drawn parameters to images, uint8 [N, S, S, 3]. On the CPU, parts of the batch are done in parallel."""
        size = self.image_size
        changed = torch.empty((len(images), 3, size, size), device=images.device, memory_format=torch.channels_last)

        def change_part(part: slice) -> None:
            changed[part] = _change(images[part], draws[part], size, self.settings.pixel_statistics)

        if images.device.type == "cpu":
            in_parts(change_part, len(images))
        else:
            change_part(slice(0, len(images)))
        return changed

    def plain(self, images: Tensor) -> Tensor:
        """Resize and normalise without augmentation, for evaluation: uint8 [N, S, S, 3] -> float32 as `__call__`."""
        planes = _to_planes(images)
        if planes.shape[-2:] != (self.image_size, self.image_size):
            planes = _resize(planes, self.image_size)
        return _normalise(planes, self.settings.pixel_statistics).contiguous(memory_format=torch.channels_last)


def _change(images: Tensor, draws: Draws, size: int, statistics: str) -> Tensor:
    """Crop, jitter, gray and normalise: uint8 [N, S, S, 3] -> float [N, 3, size, size]."""
    device = images.device
    cropped = crop(_to_planes(images), draws.boxes.to(device), size)
    # Images whose colour changes have the same order are changed together.
    index = torch.argsort(draws.order, stable=True)
    members = torch.bincount(draws.order, minlength=len(_ORDERS) + 1).tolist()
    factors, gray = draws.factors[:, index].to(device), draws.gray[index].nonzero().squeeze(1).to(device)
    index = index.to(device)
    changed = cropped[index]
    start = 0
    for operations, count in zip(_ORDERS, members[:-1], strict=True):
        part = slice(start, start + count)
        for operation in operations if count else ():
            _COLOUR[operation](changed[part], factors[operation, part])
        start += count
    changed[gray] = colour.luminance(changed[gray])
    cropped[index] = _normalise(changed, statistics)
    return cropped


_COLOUR: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    colour.brightness_,
    colour.contrast_,
    colour.saturation_,
    colour.hue_,
)


def crop(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut a box from each image and resize it bilinearly: float [N, C, H, W] -> [N, C, size, size].

    boxes: float [N, 4]: left, top, width and height as fractions of the image.

    A box of more than twice the size is cut from an image that was halved by area before, perhaps several times, as in
    a mipmap (Williams 1983). Without it, fine texture would turn into patterns that evaluation, which resizes by area,
    never sees.
    """
    if max(images.shape[2:]) < 2 * size:
        return _crop(images, boxes, size)
    pixels = torch.maximum(boxes[:, 2] * images.shape[3], boxes[:, 3] * images.shape[2])
    halvings = (pixels / size).log2().floor().clamp(min=0).long()
    cropped, level = images.new_empty(len(images), images.shape[1], size, size), images
    for number in range(int(halvings.max()) + 1):
        if number:
            level = functional.interpolate(level, size=(level.shape[2] // 2, level.shape[3] // 2), mode="area")
        chosen = (halvings == number).nonzero().squeeze(1)
        if len(chosen):
            cropped[chosen] = _crop(level[chosen], boxes[chosen], size)
    return cropped


def _crop(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    left, top, width, height = boxes.to(images.dtype).unbind(1)
    centre_x, centre_y = 2 * left + width - 1, 2 * top + height - 1  # in grid_sample's coordinates, -1 to 1
    zero = torch.zeros_like(left)
    maps = torch.stack([width, zero, centre_x, zero, height, centre_y], dim=1).view(-1, 2, 3)
    grid = functional.affine_grid(maps, [len(images), images.shape[1], size, size], align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _draw_boxes(count: int, scale: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Draw boxes float [count, 4] as `crop` takes them: area uniform in `scale`, ratio log-uniform, place uniform."""
    draws = torch.rand(4, count, _ATTEMPTS, generator=generator)
    area = scale[0] + (scale[1] - scale[0]) * draws[0]
    log_ratio = math.log(_RATIO[0]) + (math.log(_RATIO[1]) - math.log(_RATIO[0])) * draws[1]
    width, height = (area * log_ratio.exp()).sqrt(), (area / log_ratio.exp()).sqrt()
    fits = (width <= 1) & (height <= 1)
    chosen = fits.int().argmax(dim=1, keepdim=True)  # the first that fits
    any_fits = fits.any(dim=1)
    width = torch.where(any_fits, width.gather(1, chosen).squeeze(1), 1.0)
    height = torch.where(any_fits, height.gather(1, chosen).squeeze(1), 1.0)
    left, top = (1 - width) * draws[2, :, 0], (1 - height) * draws[3, :, 0]
    return torch.stack([left, top, width, height], dim=1)


def _symmetric(count: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(count, generator=generator) - 1


def _to_planes(images: Tensor) -> Tensor:
    """Convert uint8 [N, H, W, 3] to float32 [N, 3, H, W] from 0 to 1, colour planes contiguous."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"images are {images.dtype} {tuple(images.shape)}, expected uint8 [N, H, W, 3]")
    return images.permute(0, 3, 1, 2).contiguous().float().div_(255)


def _resize(planes: Tensor, size: int) -> Tensor:
    if planes.shape[-1] > size:
        return functional.interpolate(planes, size=(size, size), mode="area")
    return functional.interpolate(planes, size=(size, size), mode="bilinear", align_corners=False)


def _normalise(planes: Tensor, statistics: str) -> Tensor:
    """Normalise in place."""
    if statistics == "half":  # numbers are faster than tensors
        return planes.sub_(0.5).div_(0.5)
    mean, std = (planes.new_tensor(values).view(3, 1, 1) for values in PIXEL_STATISTICS[statistics])
    return planes.sub_(mean).div_(std)
