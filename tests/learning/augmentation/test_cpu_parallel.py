"""Parts of a batch on threads of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from aassl_ros.learning.augmentation.augmentation import Augmentation, AugmentationSettings
from aassl_ros.learning.augmentation.cpu_parallel import in_parts


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 2, 10])
def test_the_parts_cover_everything_once(threads: int, count: int) -> None:
    seen = torch.zeros(count, dtype=torch.int64)

    def count_up(part: slice) -> None:
        seen[part] += 1

    in_parts(count_up, count)
    assert seen.tolist() == [1] * count


def test_each_part_has_one_thread_and_the_caller_keeps_its_own(threads: int) -> None:
    found: list[int] = []
    in_parts(lambda part: found.append(torch.get_num_threads()), 9)
    assert found == [1] * threads
    assert torch.get_num_threads() == threads


def test_what_a_part_raises_reaches_the_caller(threads: int) -> None:
    def fail(part: slice) -> None:
        raise ValueError("bad part")

    with pytest.raises(ValueError, match="bad part"):
        in_parts(fail, 9)


def test_augmented_images_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    images = torch.randint(0, 256, (31, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    augmentation = Augmentation(AugmentationSettings(), 16)
    draws = augmentation.draw(31, torch.Generator().manual_seed(2))
    one_by_one = torch.cat([augmentation.change(images[i : i + 1], draws[i : i + 1]) for i in range(31)])
    torch.testing.assert_close(augmentation.change(images, draws), one_by_one, atol=1e-6, rtol=0)
