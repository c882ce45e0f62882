"""Batches of triplets for online training: from the replay buffer and, to prevent forgetting, from prepared data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from aassl_ros.data.pairs.actions import ActionSpace, choose_action_space
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.frame_states import FrameStates
from aassl_ros.data.replay.buffer import RawPairs, ReplayBuffer
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.flips import Flips, check_pairs, mirror_images
from aassl_ros.learning.batches.pair_batches import Batch, PairBatches
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.compute.device import AUTO
from aassl_ros.learning.objectives.methods import METHODS

# The buffer is locked while actions are drawn, so they are drawn in parts: 100,000 pairs in all.
_PAIRS_AT_ONCE, _PARTS = 5_000, 20


class LiveBatches:
    """Batches of `settings.batch` pairs each; the share `replay_fraction` of them is drawn from `replay`.

    space, normalisation: of the actions; None if the method uses none, and before `choose_space`.
    """

    def __init__(
        self,
        settings: PairSettings,
        *,
        known: tuple[ActionSpace, Normalisation] | None,
        replay: PreparedData | None,
        replay_sets: tuple[str, ...],
        replay_fraction: float,
    ) -> None:
        """known: action space and normalisation of the checkpoint from which training continues.

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
        if known is not None and self._uses_actions:
            self.space, self.normalisation = known
        self._replay: PairBatches | None = None
        self._replay_batches: Iterator[Batch] = iter(())
        replay_count = round(settings.batch * replay_fraction) if replay is not None else 0
        if replay is not None and replay_count:
            self._replay = PairBatches(replay, replace(settings, batch=replay_count), replay_sets, known)
            self.space, self.normalisation = self._replay.space, self._replay.normalisation
        self._live_count = settings.batch - replay_count
        self._flips = Flips(settings, self.space)

    @property
    def instances(self) -> tuple[str, ...]:
        """The object instances in the prepared data."""
        return () if self._replay is None else self._replay.instances

    @property
    def needs_space(self) -> bool:
        """If `choose_space` must be called before `draw`."""
        return self._uses_actions and self.space is None

    def choose_space(self, buffer: ReplayBuffer, rng: np.random.Generator) -> None:
        """Choose the action space by the frames in the buffer and measure its normalisation; both stay from now on.

        Raises DataError if no pair has an action or all have the same one, ConfigError if it cannot be mirrored.
        """
        held = _held(buffer)
        name = choose_action_space(held) if self._settings.action_space == AUTO else self._settings.action_space
        space = ActionSpace(name, self._settings.rotation, self._settings.action_components).resolved(held)
        parts = [buffer.actions(_PAIRS_AT_ONCE, self._window, space, rng) for _ in range(_PARTS)]
        self.normalisation = Normalisation.measure(np.concatenate(parts), space.groups(held))
        self.space, self._flips = space, Flips(self._settings, space)

    def action_dimension(self, buffer: ReplayBuffer) -> int:
        """A, the number of entries of an action; 0 if the method uses no actions."""
        return 0 if self.space is None else self.space.size(_held(buffer))

    def draw(self, buffer: ReplayBuffer, rng: np.random.Generator) -> Batch:
        """Draw the next batch. Raises DataError if the buffer has too few frames with a partner and an action."""
        pairs = buffer.sample(self._live_count, self._window, self.space, rng)
        live = self._flipped(pairs, rng)
        if self._replay is None:
            return live
        old = self._next_replay(self._replay, rng)
        first = np.concatenate([live.first, old.first])
        once = live.second is live.first and old.second is old.first
        second = first if once else np.concatenate([live.second, old.second])
        both = None if live.action is None or old.action is None else np.concatenate([live.action, old.action])
        return Batch(first, second, both)

    def _flipped(self, pairs: RawPairs, rng: np.random.Generator) -> Batch:
        """Make a batch of pairs of the buffer: flip some of them and normalise their actions."""
        flipped = self._flips.draw(len(pairs.first), lambda: rng)
        action = None
        if self.normalisation is not None:
            action = self.normalisation(self._flips.actions(pairs.actions, flipped[0]))
        first, second = pairs.first, pairs.second
        if self._classic:
            second = first.copy() if (flipped[0] != flipped[1]).any() else first
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


def _held(buffer: ReplayBuffer) -> FrameStates:
    """The states of the frames that a buffer holds now, without its empty slots."""
    filled = slice(0, len(buffer))
    return FrameStates(
        buffer.stamps_ns[filled],
        buffer.joint_position[filled],
        buffer.joint_command[filled],
        buffer.object_pose[filled],
        buffer.tip_pose[filled],
        buffer.recorded[filled],
        buffer.joint_names,
        buffer.command_names,
        buffer.continuous_joints,
        buffer.recorded_names,
    )
