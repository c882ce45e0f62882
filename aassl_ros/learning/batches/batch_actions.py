"""The actions of a batch: normalised, mirrored with flipped pairs, and corrupted if an ablation asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.ablations import AblationSettings, corrupt_actions
from aassl_ros.learning.batches.flips import Flips
from aassl_ros.learning.batches.settings import PairSettings
from aassl_ros.learning.batches.space_choice import FrameSpaces
from aassl_ros.learning.distributed.ranks import rank_count
from aassl_ros.learning.objectives.methods import METHODS

_PAIRS_MEASURED = 100_000  # for the normalisation of actions
_FEWEST = 2  # pairs of one action space in a batch, on average


class BatchActions:
    """Computes the actions of pairs, in one action space or in several.

    spaces: with their normalisations. Those of several spaces stand side by side: the action of a pair has the entries
    of its own space, and NaN in the columns of the others.
    """

    def __init__(
        self,
        data: PreparedData,
        found: FrameSpaces,
        sampler: PairSampler,
        settings: PairSettings,
        controls: AblationSettings,
        known: Sequence[ScaledSpace] = (),
    ) -> None:
        """Measure the normalisations.

        Args:
            data: prepared data.
            found: the action spaces of its frames.
            sampler: draws the pairs.
            settings: which pairs are flipped, and the seed.
            controls: ablations.
            known: the first spaces of `found`, with normalisations that stay.

        Raises:
            DataError: all actions of a space are the same.
            ConfigError: the actions of a space cannot be mirrored.
        """
        self._data, self._found, self._controls = data, found, controls
        self._flips = [Flips(settings, space) for space in found.spaces]
        self.spaces = tuple(known) + tuple(
            ScaledSpace(space, self._measure(number, sampler, settings.seed))
            for number, space in enumerate(found.spaces)
            if number >= len(known)
        )

    @property
    def size(self) -> int:
        """Number of entries of an action, those of all spaces."""
        return sum(each.size for each in self.spaces)

    def __call__(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        flipped: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Compute the actions from frames first[i] to frames second[i].

        Args:
            first, second: int64 [N], frames.
            flipped: bool [N], whether the pair is mirrored.
            rng: of the ablations.

        Returns:
            float32 [N, A].
        """
        if len(self.spaces) == 1:
            return self._in_space(0, first, second, flipped, rng)
        actions = np.full((len(first), self.size), np.nan, np.float32)
        start = 0
        for number, each in enumerate(self.spaces):
            rows = np.flatnonzero(self._found.of_frame[first] == number)
            if len(rows):
                own = self._in_space(number, first[rows], second[rows], flipped[rows], rng)
                actions[rows, start : start + each.size] = own
            start += each.size
        return actions

    def _in_space(
        self,
        number: int,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        flipped: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        space, normalisation = self.spaces[number]
        displaced = space.displacement(self._data, first, second)
        action = normalisation(self._flips[number].actions(displaced, flipped))
        # A single pair has no other to swap actions with; it is not trained on either.
        return corrupt_actions(action, self._controls, rng) if len(action) > 1 else action

    def _measure(self, number: int, sampler: PairSampler, seed: int) -> Normalisation:
        """Measure a space on pairs of its own frames: what it would be without the other spaces."""
        space = self._found.spaces[number]
        rng = np.random.default_rng((seed, 1))  # a separate stream: the batches must not depend on the action space
        own = sampler.anchors[self._found.of_frame[sampler.anchors] == number]
        anchors = rng.choice(own, _PAIRS_MEASURED)
        actions = space.displacement(self._data, anchors, sampler.partners(anchors, rng))
        try:
            return Normalisation.measure(actions, space.groups(self._data))
        except DataError as error:
            if len(self._found.spaces) == 1:
                raise
            raise DataError(f"{space}: {error}") from error


def check_several(found: FrameSpaces, anchors: NDArray[np.int64], settings: PairSettings) -> None:
    """Check that a method can be trained with several action spaces; nothing to check if it is one.

    Args:
        found: the action spaces of all frames.
        anchors: int64, the frames that have a partner.
        settings: the method and the batch.

    Raises:
        ConfigError: the method is for one space only, there are several processes, or a batch has too few pairs of a
            space.
    """
    if len(found.spaces) == 1:
        return
    names = "; ".join(map(str, found.spaces))
    if METHODS[settings.method].base_uses_actions:
        raise ConfigError(
            f"these data have {len(found.spaces)} action spaces ({names}), but {settings.method} can be trained with "
            "one. Leave out a robot, choose an action space that all have (--action-space), or a method with an action "
            "term, such as aa_simclr."
        )
    if rank_count() > 1:
        raise ConfigError(
            f"these data have {len(found.spaces)} action spaces ({names}), but with several processes only one can be "
            "trained. Use one process."
        )
    for number, space in enumerate(found.spaces):
        pairs = found.share(anchors, number) * settings.batch / settings.accumulate
        if number in found.of_frame and pairs < _FEWEST:
            raise ConfigError(
                f"batch = {settings.batch}, but on average only {pairs:.1f} pairs"
                f"{' of each part' if settings.accumulate > 1 else ''} have the action {space}. Its "
                f"head needs at least {_FEWEST}: choose a larger batch, or more such data."
            )
