"""Batches of triplets (x, x', a) from prepared data, by the settings of frames, window and action space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace, action_space_shares, choose_action_space
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.ablations import AblationSettings, corrupt_actions, derangement, stream
from aassl_ros.learning.batches.flips import FLIPS, Flips, check_pairs, mirror_images
from aassl_ros.learning.batches.labels import Labels
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.compute.device import AUTO
from aassl_ros.learning.distributed.ranks import local_rows, rank_count
from aassl_ros.learning.objectives.methods import METHODS

_PAIRS_MEASURED = 100_000  # for the normalisation of actions


@dataclass(frozen=True)
class Batch:
    """A batch of N pairs.

    first, second: images x and x', uint8 [N, S, S, 3] RGB.
    action: float32 [N, A], normalised; None if the method uses no actions.
    target: int64 [N], the category of each pair's object; None if the method needs no labels.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    action: NDArray[np.float32] | None
    target: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class ActionCoverage:
    """How many frames have the action, and why this one was chosen.

    share: of the frames to train on, 0 to 1. chosen: if `auto` chose it. passed: the better spaces that too few frames
    of the data have, with their shares.
    """

    share: float
    chosen: bool
    passed: dict[str, float]

    @classmethod
    def of(cls, data: PreparedData, space: ActionSpace, share: float, settings: PairSettings) -> ActionCoverage:
        shares = action_space_shares(data)
        before = list(shares)[: list(shares).index(space.name)] if space.name in shares else list(shares)
        chosen = settings.action_space == AUTO
        return cls(share, chosen, {name: shares[name] for name in before if chosen})

    def __str__(self) -> str:
        """The coverage as text: "chosen automatically, known for 80 % of the frames (object_pose: only 20 %)"."""
        lead = "chosen automatically, " if self.chosen else ""
        passed = ", ".join(f"{name}: only {share:.0%}" for name, share in self.passed.items())
        text = f"{lead}known for {self.share:.0%} of the frames" + (f" ({passed})" if passed else "")
        return text.replace("%", " %")

    def to_json(self) -> dict[str, Any]:
        """The coverage as JSON values, for a checkpoint."""
        return {"share": self.share, "chosen_automatically": self.chosen, "too_few": self.passed}


class PairBatches:
    """Batches of pairs from prepared data.

    space, normalisation: of the actions, None if the method uses none; instances: the objects in the frames; labels:
    their categories, None if the method needs none. coverage: of the actions, None without actions.
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
    ) -> None:
        """Choose frames, action space and partners.

        Args:
            data: prepared data.
            settings: which pairs, and how many make a batch.
            sets: instance sets to draw from.
            known: action space and normalisation of a resumed run; without it they are chosen and measured here.
            without_instances: objects to leave out.
            controls: ablations.
            shards: number of shards that each batch is drawn from equally. If there are several processes, each reads
                the frames of its own shards only.

        Raises:
            DataError: the data has no such pairs or actions.
            ConfigError: there are fewer pairs than a batch needs, or settings contradict each other.
        """
        method = METHODS[settings.method]
        check_pairs(settings, method.uses_actions)
        self._data, self._batch, self._classic = data, settings.batch, settings.pair_kind == "classic"
        self._distinct_episodes = settings.distinct_episodes
        self._own = local_rows(settings.batch, settings.accumulate)
        self._shards, self._parts = shards, settings.accumulate
        _check_shards(shards, settings)
        self._controls, self._seed = controls or AblationSettings(), settings.seed
        self.space: ActionSpace | None = None
        self.normalisation: Normalisation | None = None
        self.coverage: ActionCoverage | None = None
        frames = data.indices(sets, without_instances=without_instances)
        if len(frames) == 0:
            found = ", ".join(sorted({row.set for row in data.episodes})) or "none"
            raise DataError(f"{data.path} has no frames of the sets {', '.join(sets)} (found: {found}).")
        self.instances = tuple(name for name in data.instances(sets) if name not in without_instances)
        if method.uses_actions:
            self.space = known[0] if known else _choose_space(data, settings)
            usable = self.space.usable(data)
            _check_folders(data, frames, usable, self.space)
            self.coverage = ActionCoverage.of(data, self.space, float(usable[frames].mean()), settings)
            frames = frames[usable[frames]]
            if len(frames) == 0:
                parts = ", ".join(self.space.components)
                raise DataError(
                    f"action space {self.space.name}: no frame of {data.path} has all of its parts ({parts}). Leave "
                    "out the missing ones (--set action_components=-NAME), or choose another action space."
                )
        self.labels = Labels.of(data, frames) if method.uses_labels else None
        if self.labels is not None:
            frames = frames[self.labels(data, frames) >= 0]
        self.sampler = PairSampler(data, frames, parse_window(settings.window))
        if len(self.sampler.anchors) < settings.batch:
            raise ConfigError(
                f"batch = {settings.batch}, but {data.path} has only {len(self.sampler.anchors)} frames to pair. "
                f"Choose a smaller batch (at most --batch {len(self.sampler.anchors)}) or collect more."
            )
        self._smallest_shard = min(map(len, self.sampler.cut_into_shards(shards)))
        if self._smallest_shard < settings.batch // shards:
            raise ConfigError(
                f"batch = {settings.batch}, of which {settings.batch // shards} pairs are from each shard, but one of "
                f"the {shards} shards has only {self._smallest_shard} frames. Choose a smaller batch or fewer shards."
            )
        self._flips = Flips(settings, self.space)
        if self.space is not None:
            self.normalisation = known[1] if known else self._measure(self.space, settings.seed)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return self._smallest_shard // (self._batch // self._shards)

    @property
    def action_dimension(self) -> int:
        """A, the number of entries of an action; 0 if the method uses no actions."""
        return 0 if self.space is None else self.space.size(self._data)

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
        if self.space is not None and self.normalisation is not None:
            displaced = self.space.displacement(self._data, first, second)
            action = self.normalisation(self._flips.actions(displaced, flipped[0]))
            action = corrupt_actions(action, self._controls, rng)
        if self._controls.control == "images_shuffled":
            second = second[derangement(len(second), rng)]
        once = second is first and (flipped[0] == flipped[1]).all()
        first, second, flipped = first[self._own], second[self._own], flipped[:, self._own]
        action = None if action is None else action[self._own]
        images = self._pictures(first, flipped[0])
        target = None if self.labels is None else self.labels(self._data, first)
        return Batch(images, images if once else self._pictures(second, flipped[1]), action, target)

    def _pictures(self, frames: NDArray[np.int64], flipped: NDArray[np.bool_]) -> NDArray[np.uint8]:
        images = self._data.frames[frames]
        mirror_images(images, np.flatnonzero(flipped))
        return images

    def _measure(self, space: ActionSpace, seed: int) -> Normalisation:
        rng = np.random.default_rng((seed, 1))  # a separate stream: the batches must not depend on the action space
        anchors = rng.choice(self.sampler.anchors, _PAIRS_MEASURED)
        actions = space.displacement(self._data, anchors, self.sampler.partners(anchors, rng))
        return Normalisation.measure(actions, space.groups(self._data))


def _choose_space(data: PreparedData, settings: PairSettings) -> ActionSpace:
    name = choose_action_space(data) if settings.action_space == AUTO else settings.action_space
    return ActionSpace(name, settings.rotation, settings.action_components).resolved(data)


def _check_folders(
    data: PreparedData, frames: NDArray[np.int64], usable: NDArray[np.bool_], space: ActionSpace
) -> None:
    """Raise DataError if one of several folders has no action for any of its frames, and others have."""
    inside = {folder: frames[(frames >= folder.start) & (frames < folder.stop)] for folder in data.folders}
    without = [folder.path for folder, own in inside.items() if len(own) and not usable[own].any()]
    if without and len(without) < len(inside):
        raise DataError(
            f"{without[0]} has no frame with all parts of the action {space.name} ({', '.join(space.components)}), "
            "which the other folders have. Leave it out, or choose an action space that all have (--action-space)."
        )


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
