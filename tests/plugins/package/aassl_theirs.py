"""A method, an encoder and a reader that another package adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from aassl_ros.data.pictures import PictureEpisode
from aassl_ros.data.prepared import EpisodeStates
from aassl_ros.data.readers import Layout, PublishedSet
from aassl_ros.learning.encoders import Encoder, EncoderSettings
from aassl_ros.learning.objectives import ActionAlignment, Method, ObjectiveSettings, Pairs, Sizes


class Slowness(nn.Module):
    """Mean squared distance of the directions of the two features."""

    def __init__(self, sizes: Sizes, settings: ObjectiveSettings) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, pairs: Pairs) -> Tensor:
        u, v = (functional.normalize(rows, dim=1) for rows in (pairs.first, pairs.second))
        return self.scale * (u - v).square().sum(dim=1).mean()


METHOD = Method(pairs="combined", base=Slowness, action_term=ActionAlignment)


class OneLayer(Encoder):
    """One convolution over patches of 8 px, averaged over the picture."""

    features = 16

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, self.features, 8, stride=8)

    def forward(self, images: Tensor) -> Tensor:
        return self.patches(images).relu().mean(dim=(2, 3))


def build(settings: EncoderSettings) -> Encoder:
    return OneLayer()


def recognises(folder: Path) -> bool:
    return (folder / "theirs.txt").is_file()


def read(folder: Path) -> PublishedSet:
    """Each folder is one object: CATEGORY-INSTANCE/*.png, 10 pictures a second."""
    episodes = []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        images = sorted(place.glob("*.png"))
        states = EpisodeStates(stamps_ns=np.arange(1, len(images) + 1) * 100_000_000)
        episodes.append(PictureEpisode(place.name, place.name, place.name.split("-")[0], "train", images, states))
    return PublishedSet(folder, tuple(episodes))


LAYOUT = Layout(recognises, read, "theirs.txt and CATEGORY-INSTANCE/*.png")
