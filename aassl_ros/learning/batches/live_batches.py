"""Batches of triplets for online training: from the replay buffer and, to prevent forgetting, from prepared data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import RawPairs, ReplayBuffer
from aassl_ros.errors import ConfigError, DataError, first_line
from aassl_ros.learning.batches.action_coverage import ActionCoverage
from aassl_ros.learning.batches.device_frames import OFF, DeviceFrames, DevicePairs, wants_copy
from aassl_ros.learning.batches.flips import Flips, check_pairs, mirror_images
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.batches.space_choice import choose_space
from aassl_ros.learning.objectives.methods import METHODS

# The buffer is locked while actions are drawn, so they are drawn in parts: 100,000 pairs in all.
_PAIRS_AT_ONCE, _PARTS = 5_000, 20
_CPU = torch.device("cpu")


class LiveBatches:
    """Batches of `settings.batch` pairs each; the share `replay_fraction` of them is drawn from `replay`.

    space, normalisation: of the actions; None if the method uses none, and before `choose_space`. coverage: how many
    frames have the action, and why it was chosen; None if that is not known. instances: objects of the prepared data
    that were mixed in. live_count: pairs of a batch that come from the buffer. copy_problem: why the frames are not
    copied to the device as the settings ask; empty: nothing.
    """

    def __init__(
        self,
        settings: PairSettings,
        *,
        known: tuple[ActionSpace, Normalisation] | None,
        replay: PreparedData | None,
        replay_sets: tuple[str, ...],
        replay_fraction: float,
        device: torch.device = _CPU,
        on_device: str = OFF,
    ) -> None:
        """known: action space and normalisation of the checkpoint from which training continues. on_device: whether the
        frames of the buffer are copied to `device` (see device_frames.py); batches are then there.

        Raises DataError or ConfigError if `replay` has no suitable pairs.
        """
        method = METHODS[settings.method]
        self._settings, self._window = settings, parse_window(settings.window)
        check_pairs(settings, method.uses_actions)
        if settings.distinct_episodes:
            raise ConfigError("distinct_episodes = true, expected false: online, pairs are drawn from all episodes.")
        self._classic, self._uses_actions = settings.pair_kind == "classic", method.uses_actions
        self.space: ActionSpace | None = None
        self.normalisation: Normalisation | None = None
        self.coverage: ActionCoverage | None = None
        if known is not None and self._uses_actions:
            self.space, self.normalisation = known
        self._device, self._on_device = device, on_device
        self._copy: DeviceFrames | None = None
        self.copy_problem = ""
        self._replay: PairBatches | None = None
        self._replay_batches: Iterator[Batch] = iter(())
        self._replay_data, self._replay_sets = replay, replay_sets
        self.instances: tuple[str, ...] = ()
        self.mix(replay_fraction)

    def mix(self, replay_fraction: float) -> None:
        """Take this share of each batch from the prepared data from now on; without such data, all is live.

        Raises DataError or ConfigError if they have no suitable pairs, or too few. The share then stays as it was.
        """
        count = 0 if self._replay_data is None else round(self._settings.batch * replay_fraction)
        if self._replay_data is not None and count:
            known = (self.space, self.normalisation) if self.space and self.normalisation else None
            replay = PairBatches(self._replay_data, replace(self._settings, batch=count), self._replay_sets, known)
            if len(replay.spaces) > 1:
                raise ConfigError(
                    f"the replay data {self._replay_data.path} have several action spaces "
                    f"({'; '.join(map(str, replay.spaces))}), and online training has one. Give those of one robot, or "
                    "set action_space."
                )
            self.space, self.normalisation = replay.space, replay.normalisation
            self._replay, self.instances, self.coverage = replay, replay.instances, replay.coverage
        else:
            self._replay = None
        self._replay_batches = iter(())
        self.live_count = self._settings.batch - count
        self._flips = Flips(self._settings, self.space)

    @property
    def needs_space(self) -> bool:
        """If `choose_space` must be called before `draw`."""
        return self._uses_actions and self.space is None

    def choose_space(self, buffer: ReplayBuffer, rng: np.random.Generator) -> None:
        """Choose the action space by the frames in the buffer and measure its normalisation; both stay from now on.

        Raises DataError if no pair has an action or all have the same one, ConfigError if it cannot be mirrored.
        """
        held = buffer.held_states()
        space = choose_space(held, self._settings)
        parts = [buffer.actions(_PAIRS_AT_ONCE, self._window, space, rng) for _ in range(_PARTS)]
        self.normalisation = Normalisation.measure(np.concatenate(parts), space.groups(held))
        self.space, self._flips = space, Flips(self._settings, space)
        self.coverage = ActionCoverage.of_states(held, space, self._settings)

    def cover(self, buffer: ReplayBuffer) -> None:
        """Find how many frames of the buffer have the action, if a checkpoint or the prepared data chose it."""
        if self.space is not None:
            with suppress(DataError):  # the frames lack a component
                self.coverage = ActionCoverage.of_states(buffer.held_states(), self.space, self._settings)

    def action_dimension(self, buffer: ReplayBuffer) -> int:
        """A, the number of entries of an action; 0 if the method uses no actions."""
        return 0 if self.space is None else self.space.size(buffer)

    def draw(self, buffer: ReplayBuffer, rng: np.random.Generator) -> Batch:
        """Draw the next batch. Raises DataError if the buffer has too few frames with a partner and an action."""
        source = self._source(buffer)
        live = self._flipped(source.sample(self.live_count, self._window, self.space, rng), rng)
        if self._replay is None:
            return live
        old = self._next_replay(self._replay, rng)
        first = _together(live.first, old.first)
        once = live.second is live.first and old.second is old.first
        second = first if once else _together(live.second, old.second)
        both = None if live.action is None or old.action is None else np.concatenate([live.action, old.action])
        # In random order: a batch that is computed in parts has live and old pairs in each.
        order = rng.permutation(len(first))
        first = first[order]
        return Batch(first, first if once else second[order], None if both is None else both[order])

    def _source(self, buffer: ReplayBuffer) -> ReplayBuffer | DeviceFrames:
        """Where batches are drawn: the buffer, or the copy of its frames."""
        if self._copy is None or self._copy.buffer is not buffer:
            wanted = wants_copy(self._on_device, buffer, self._device)
            try:
                self._copy = DeviceFrames(buffer, self._device) if wanted else None
            except torch.cuda.OutOfMemoryError as error:
                self._copy, self._on_device = None, OFF
                self.copy_problem = f"buffer_on_device is off: the GPU has no room for the frames ({first_line(error)})"
        return self._copy or buffer

    def _flipped(self, pairs: RawPairs | DevicePairs, rng: np.random.Generator) -> Batch:
        """Make a batch of pairs of the buffer: flip some of them and normalise their actions."""
        flipped = self._flips.draw(len(pairs.first), lambda: rng)
        action = None
        if self.normalisation is not None:
            action = self.normalisation(self._flips.actions(pairs.actions, flipped[0]))
        first, second = pairs.first, pairs.second
        if self._classic:
            apart = (flipped[0] != flipped[1]).any()
            second = first if not apart else first.clone() if isinstance(first, torch.Tensor) else first.copy()
        mirror_images(first, np.flatnonzero(flipped[0]))
        if second is not first:
            mirror_images(second, np.flatnonzero(flipped[1]))
        return Batch(first, second, action)

    def _next_replay(self, replay: PairBatches, rng: np.random.Generator) -> Batch:
        """Draw the next batch of the prepared data; after each epoch a new one begins."""
        batch = next(self._replay_batches, None)
        if batch is None:
            self._replay_batches = replay.epoch(rng)
            batch = next(self._replay_batches)
        return batch


def _together(live: NDArray[np.uint8] | Tensor, old: NDArray[np.uint8] | Tensor) -> NDArray[np.uint8] | Tensor:
    """The images of the buffer, then those of the prepared data, where the former are."""
    if isinstance(live, Tensor):
        return torch.cat([live, torch.as_tensor(old).to(live.device)])
    return np.concatenate([live, np.asarray(old)])
