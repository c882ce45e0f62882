"""Draws pairs and copies their frames while other threads change the buffer."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.prepared.frame_states import FrameStates
from aassl_ros.data.replay.drawing import PairSlots, RawPairs, draw_pairs
from aassl_ros.data.replay.lane import Lane
from aassl_ros.data.replay.rows import RowColumns
from aassl_ros.errors import DataError


class BufferFrames(RowColumns, ABC):
    """Frames and their rows, in lanes, and the draws from them.

    frames: uint8 [capacity, S, S, 3]. Subclasses change the frames; `_lock` must be held while something changes that
    is drawn from.
    """

    def __init__(
        self,
        frames: NDArray[np.uint8],
        rows: NDArray[np.void],
        joint_names: Sequence[str],
        command_names: Sequence[str],
    ) -> None:
        super().__init__(rows, joint_names, command_names)
        self.frames = frames
        self._lanes: dict[str, Lane] = {}
        self._places = np.zeros(len(frames), np.int64)
        self._held = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """The number of frames in the buffer, including discarded ones."""
        return self._held

    @property
    @abstractmethod
    def continuous_joints(self) -> tuple[str, ...]:
        """The joints that turn without end."""

    @property
    @abstractmethod
    def _used(self) -> int:
        """Slots 0 to this one may hold a frame."""

    def held_states(self) -> FrameStates:
        """Copy the states of all frames in the buffer, to choose an action space by them."""
        with self._lock:
            slots = np.flatnonzero(self.serial[: self._used] > 0)
            return FrameStates(
                self.stamps_ns[slots],
                self.joint_position[slots],
                self.joint_command[slots],
                self.object_pose[slots],
                self.tip_pose[slots],
                self.recorded[slots],
                self.joint_names,
                self.command_names,
                self.continuous_joints,
                self.recorded_names,
            )

    def sample(self, batch: int, window: Window, space: ActionSpace | None, rng: np.random.Generator) -> RawPairs:
        """Draw pairs with different first frames, uniformly over the frames that have a partner and an action.

        Args:
            batch: number of pairs.
            window: how far apart the two frames may be.
            space: the action space; None draws pairs without actions.
            rng: the random generator.

        Returns:
            The pairs.

        Raises:
            DataError: there are fewer than `batch` such frames.
        """
        first, second = (np.empty((batch, *self.frames.shape[1:]), np.uint8) for _ in range(2))
        copied = self.draw(0, window, space, rng)
        while len(copied) < batch:
            drawn = self.draw(batch, window, space, rng, without=copied)
            free = slice(len(copied), batch)
            # mode: numpy then copies directly to `out`.
            np.take(self.frames, drawn.first, axis=0, out=first[free], mode="clip")
            np.take(self.frames, drawn.second, axis=0, out=second[free], mode="clip")
            held = self.still_held(drawn)
            if not held.all():  # a new frame came into one of the slots meanwhile
                count = int(held.sum())
                for images in (first[free], second[free]):
                    images[:count] = images[held]
            copied = copied.and_then(drawn.take(held))
        return RawPairs(first, second, copied.actions)

    def draw(
        self,
        batch: int,
        window: Window,
        space: ActionSpace | None,
        rng: np.random.Generator,
        without: PairSlots | None = None,
    ) -> PairSlots:
        """Draw the slots of pairs like `sample`; whoever copies the frames asks `still_held` afterwards.

        Args:
            batch: number of pairs, including those of `without`.
            window: how far apart the two frames may be.
            space: the action space; None draws pairs without actions.
            rng: the random generator.
            without: pairs of the same batch that were drawn before.

        Returns:
            The further pairs.

        Raises:
            DataError: there are fewer than `batch` suitable frames.
        """
        taken = without.first if without is not None else np.zeros(0, np.int64)
        missing, size, everything = batch - len(taken), 2 * batch, False
        found = self._draw(np.zeros(0, np.int64), window, space, rng)
        while len(found) < missing and not everything:
            used = self._used
            # A few at a time, more if few of them are suitable: the time does not depend on the number of frames.
            everything = size >= used
            slots = rng.permutation(used) if everything else _each_once(rng.integers(0, used, size))
            slots = slots[~np.isin(slots, np.concatenate([taken, found.first]))]
            found = found.and_then(self._draw(slots, window, space, rng))
            size *= 4
        if len(found) < missing:
            raise DataError(
                f"only {len(taken) + len(found)} of {len(self)} frames have a partner, a batch takes {batch}. "
                "Wait for more."
            )
        return found.take(slice(0, missing))

    def still_held(self, pairs: PairSlots) -> NDArray[np.bool_]:
        """Whether the slots of each pair still hold the frames that were drawn: bool [N].

        If it is so after frames were copied, the copies are whole: a slot loses its serial before its frame changes.
        """
        with self._lock:
            return np.asarray(
                (self.serial[pairs.first] == pairs.serials[:, 0]) & (self.serial[pairs.second] == pairs.serials[:, 1])
            )

    def actions(self, pairs: int, window: Window, space: ActionSpace, rng: np.random.Generator) -> NDArray[np.float32]:
        """Actions float32 [at most `pairs`, A], drawn like `sample`, to measure a normalisation."""
        return self._draw(rng.integers(0, max(1, self._used), pairs), window, space, rng).actions

    def _draw(
        self, slots: NDArray[np.int64], window: Window, space: ActionSpace | None, rng: np.random.Generator
    ) -> PairSlots:
        with self._lock:
            return draw_pairs(self, self._lanes.values(), self._places, slots, window, space, rng)


def _each_once(slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out repeated slots, and keep the order."""
    return slots[np.sort(np.unique(slots, return_index=True)[1])]
