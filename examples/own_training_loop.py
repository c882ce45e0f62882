"""AA-SimCLR in a training loop of your own.

Teaches: the losses, heads, pair sampler, action space and augmentation of aassl_ros as plain parts. The loop, the
optimizer and the log are yours.

Run:
    python examples/own_training_loop.py DATA -o encoder.safetensors --epochs 10
    aassl evaluate encoder.safetensors DATA

DATA is a folder that `aassl prepare` or `aassl synth` made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from aassl_ros.data import ActionSpace, Normalisation, PairSampler, PreparedData, Window
from aassl_ros.data.pairs import choose_action_space
from aassl_ros.learning.augmentation import Augmentation, AugmentationSettings
from aassl_ros.learning.encoders import Backbone, EncoderSettings, build_encoder, save_backbone
from aassl_ros.learning.losses import nt_xent
from aassl_ros.learning.objectives import ActionHead, JointHead, Projector


def train(data: PreparedData, out: Path, epochs: int, batch: int, width: int, seed: int = 0) -> list[float]:
    """Train an encoder on `data`, write it to `out`, and return the mean loss of each epoch."""
    torch.manual_seed(seed)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)

    # Which frames make a pair, and what the action between them is.
    space = ActionSpace(choose_action_space(data)).resolved(data)
    frames = data.indices(("train",))
    sampler = PairSampler(data, frames[space.usable(data)[frames]], Window("seconds", maximum=1.0))
    anchors = rng.choice(sampler.anchors, 10_000)
    measured = space.displacement(data, anchors, sampler.partners(anchors, rng))
    normalise = Normalisation.measure(measured, space.groups(data))

    # f, p, g and h of the paper.
    settings = EncoderSettings(encoder="resnet18", width=width, image_size=data.image_size)
    encoder = build_encoder(settings)
    projector = Projector(encoder.features)
    joint_head = JointHead(encoder.features, "concat")
    action_head = ActionHead(space.size(data), encoder.features)
    augment = Augmentation(AugmentationSettings(), data.image_size)
    network = nn.ModuleList([encoder, projector, joint_head, action_head])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4)

    means = []
    for epoch in range(epochs):
        losses = []
        for first, second in sampler.epoch(rng, batch):
            action = torch.from_numpy(normalise(space.displacement(data, first, second)))
            x = augment(torch.from_numpy(data.frames[first]), generator)
            x_next = augment(torch.from_numpy(data.frames[second]), generator)

            f, f_next = encoder(x), encoder(x_next)
            loss = nt_xent(projector(f), projector(f_next), temperature=0.1)
            loss = loss + nt_xent(action_head(action), joint_head(f, f_next), temperature=0.1)

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        means.append(float(np.mean(losses)))
        print(f"epoch {epoch + 1}: loss {means[-1]:.3f} nats")

    save_backbone(Backbone(encoder.eval(), settings, "half", "own_loop", seed, data.instances(("train",))), out)
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description="AA-SimCLR in a training loop of your own.")
    parser.add_argument("data", type=Path, metavar="DATA", help="prepared data")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="FILE.safetensors")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128, help="pairs in a batch (default: 128)")
    parser.add_argument("--width", type=int, default=32, help="channels of the first stage (default: 32)")
    arguments = parser.parse_args()
    train(PreparedData.open(arguments.data), arguments.out, arguments.epochs, arguments.batch, arguments.width)


if __name__ == "__main__":
    main()
