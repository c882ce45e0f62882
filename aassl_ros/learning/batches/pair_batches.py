"""Batches of triplets (x, x', a) from prepared data, by the settings of frames, window and action space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.ablations import AblationSettings, derangement, stream
from aassl_ros.learning.batches.batch_actions import BatchActions, check_several
from aassl_ros.learning.batches.flips import FLIPS, Flips, check_pairs, mirror_images
from aassl_ros.learning.batches.later_frames import LATER, LaterFrames, draw_later
from aassl_ros.learning.batches.pair_frames import PairFrames
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.batches.window_note import describe_window
from aassl_ros.learning.distributed.ranks import local_rows, rank_count
from aassl_ros.learning.objectives.methods import METHODS


@dataclass(frozen=True)
class Batch:
    """A batch of N pairs.

    first, second: images x and x', uint8 [N, S, S, 3] RGB; a tensor if they are on the device already.
    action: float32 [N, A], normalised; None if the method uses no actions. With several action spaces, their entries
    stand side by side, and a pair has NaN in the columns of the spaces that are not its own.
    target: int64 [N], the category of each pair's object; None if the method needs no labels.
    later: the frames after each pair, for methods of sequences.
    """

    first: NDArray[np.uint8] | Tensor
    second: NDArray[np.uint8] | Tensor
    action: NDArray[np.float32] | None
    target: NDArray[np.int64] | None = None
    later: LaterFrames | None = None


class PairBatches:
    """Batches of pairs from prepared data.

    spaces: the action spaces, more than one only with robots whose actions differ; empty if the method uses no actions.
    coverage: of the actions, None without actions. instances: the objects in the frames. labels: their categories, None
    if the method needs none.
    """

    def __init__(
        self,
        data: PreparedData,
        settings: PairSettings,
        sets: tuple[str, ...],
        known: tuple[ActionSpace, Normalisation] | None = None,
        *,
        without_instances: tuple[str, ...] = (),
        controls: AblationSettings | None = None,
        shards: int = 1,
        heads: Sequence[ScaledSpace] = (),
    ) -> None:
        """Choose frames, action space and partners.

        Args:
            data: prepared data.
            settings: which pairs, and how many make a batch.
            sets: instance sets to draw from.
            known: the only action space and its normalisation; without it they are chosen and measured here.
            without_instances: objects to leave out.
            controls: ablations.
            shards: number of shards that each batch is drawn from equally. If there are several processes, each reads
                the frames of its own shards only.
            heads: action spaces that have an action head already. The data may have further ones, and need not have
                all of these.

        Raises:
            DataError: the data has no such pairs or actions.
            ConfigError: there are fewer pairs than a batch needs, or settings contradict each other.
        """
        method = METHODS[settings.method]
        check_pairs(settings, method.uses_actions)
        self._data, self._batch, self._classic = data, settings.batch, settings.pair_kind == "classic"
        self._distinct_episodes, self._later_frames = settings.distinct_episodes, method.later_frames
        self._own = local_rows(settings.batch, settings.accumulate)
        self._shards, self._parts = shards, settings.accumulate
        _check_shards(shards, settings)
        self._controls, self._seed = controls or AblationSettings(), settings.seed
        found = PairFrames.choose(data, settings, sets, known, without_instances=without_instances, heads=heads)
        self.coverage, self.labels, self.sampler = found.coverage, found.labels, found.sampler
        self.instances = tuple(name for name in data.instances(sets) if name not in without_instances)
        self._smallest_shard = _smallest_shard(data, self.sampler, settings, shards)
        self._flips = Flips(settings, None)  # draws which pairs are flipped; the actions are mirrored with them
        self._actions: BatchActions | None = None
        if found.spaces is not None:
            check_several(found.spaces, self.sampler.anchors, settings)
            scaled = (ScaledSpace(*known),) if known else tuple(heads)
            self._actions = BatchActions(data, found.spaces, self.sampler, settings, self._controls, scaled)
        self.spaces = self._actions.spaces if self._actions else ()

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return self._smallest_shard // (self._batch // self._shards)

    @property
    def space(self) -> ActionSpace | None:
        """The only action space; None if there is none, or several."""
        return self.spaces[0].space if len(self.spaces) == 1 else None

    @property
    def normalisation(self) -> Normalisation | None:
        """The normalisation of the only action space; None if there is none, or several."""
        return self.spaces[0].normalisation if len(self.spaces) == 1 else None

    @property
    def action_dimension(self) -> int:
        """A, the number of entries of an action, those of all action spaces; 0 if the method uses no actions."""
        return 0 if self._actions is None else self._actions.size

    @property
    def window_note(self) -> str:
        """Sentences about frames without a partner within the window; empty if there is none. It may take a second."""
        return describe_window(self._data, self.sampler, used=not self._classic)

    @property
    def categories(self) -> int:
        """Number of categories; 0 if the method needs no labels."""
        return 0 if self.labels is None else len(self.labels.categories)

    def epoch(self, rng: np.random.Generator, skip: int = 0) -> Iterator[Batch]:
        """Iterate over an epoch: each frame is x once, in random order; a last partial batch is left out.

        skip: number of batches to draw without reading them, to resume within an epoch. Every method draws the same x.
        """
        pairs = self.sampler.epoch(
            rng, self._batch, distinct_episodes=self._distinct_episodes, shards=self._shards, parts=self._parts
        )
        for number, (first, second) in enumerate(pairs):
            if number >= skip:
                yield self._read(first, first if self._classic else second)

    def _read(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Batch:
        """Read this rank's share of a batch; actions are computed and corrupted for the whole batch."""
        action = None
        rng = stream(first, second, self._seed)
        flipped = self._flips.draw(len(first), lambda: stream(first, second, self._seed, FLIPS))
        if self._actions is not None:
            action = self._actions(first, second, flipped[0], rng)
        order = np.arange(len(second))
        if self._controls.control == "images_shuffled":
            order = derangement(len(second), rng)
        later = self._read_later(first, second, flipped[0], order) if self._later_frames else None
        if self._controls.control == "images_shuffled":
            second = second[order]
        once = second is first and (flipped[0] == flipped[1]).all()
        first, second, flipped = first[self._own], second[self._own], flipped[:, self._own]
        action = None if action is None else action[self._own]
        images = self._pictures(first, flipped[0])
        target = None if self.labels is None else self.labels(self._data, first)
        return Batch(images, images if once else self._pictures(second, flipped[1]), action, target, later)

    def _read_later(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        flipped: NDArray[np.bool_],
        order: NDArray[np.int64],
    ) -> LaterFrames:
        """Read this rank's share of the frames after a batch of pairs.

        flipped: whether each sequence is. order: of the images; the actions stay in theirs.
        """
        rng = stream(first, second, self._seed, LATER)
        images, actions = [], []
        for before, after in draw_later(self.sampler, first, second, self._later_frames, rng):
            assert self._actions is not None
            actions.append(self._actions(before, after, flipped, rng)[self._own])
            images.append(self._pictures(after[order][self._own], flipped[self._own]))
        return LaterFrames(np.stack(images), np.stack(actions))

    def _pictures(self, frames: NDArray[np.int64], flipped: NDArray[np.bool_]) -> NDArray[np.uint8]:
        images = self._data.frames[frames]
        mirror_images(images, np.flatnonzero(flipped))
        return images


def _smallest_shard(data: PreparedData, sampler: PairSampler, settings: PairSettings, shards: int) -> int:
    """Number of frames in the smallest shard. Raises ConfigError if there are fewer than a batch needs."""
    anchors = len(sampler.anchors)
    if anchors < settings.batch:
        raise ConfigError(
            f"batch = {settings.batch}, but {data.path} has only {anchors} frames to pair. "
            f"Choose a smaller batch (at most --batch {anchors}) or collect more."
        )
    smallest = min(map(len, sampler.cut_into_shards(shards)))
    if smallest < settings.batch // shards:
        raise ConfigError(
            f"batch = {settings.batch}, of which {settings.batch // shards} pairs are from each shard, but one of "
            f"the {shards} shards has only {smallest} frames. Choose a smaller batch or fewer shards."
        )
    return smallest


def _check_shards(shards: int, settings: PairSettings) -> None:
    """Raise ConfigError if shards cannot be divided among the processes, or a batch among the shards."""
    if shards == 1:
        return
    if shards % rank_count():
        raise ConfigError(
            f"shards = {shards}, but there are {rank_count()} processes: choose a multiple of them, or 1."
        )
    if settings.batch % (shards * settings.accumulate):
        raise ConfigError(
            f"batch = {settings.batch} cannot be drawn equally from {shards} shards: choose a multiple of "
            f"{shards * settings.accumulate}."
        )
