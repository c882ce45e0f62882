"""Shards: whole episodes, of nearly equal size, from which each batch is drawn equally."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aassl_ros.data.pairs import PairSampler, parse_window
from aassl_ros.errors import DataError

LENGTHS = st.lists(st.integers(2, 40), min_size=4, max_size=12)


@dataclass
class Episodes:
    """States of which only the episodes matter."""

    episode_of: NDArray[np.int64]

    @property
    def stamps_ns(self) -> NDArray[np.int64]:
        return np.arange(len(self.episode_of))


def sampler(lengths: list[int]) -> PairSampler:
    states = Episodes(np.repeat(np.arange(len(lengths)), lengths))
    return PairSampler(states, np.arange(sum(lengths)), parse_window("episode"))  # type: ignore[arg-type]


@given(LENGTHS, st.integers(1, 4))
def test_a_shard_has_whole_episodes_and_nearly_its_share(lengths: list[int], shards: int) -> None:
    made = sampler(lengths)
    cut = made.cut_into_shards(shards)

    assert np.concatenate(cut).tolist() == made.anchors.tolist()
    episodes = [set(made.states.episode_of[anchors]) for anchors in cut]
    assert all(episodes)
    assert len(cut) == shards
    assert sum(map(len, episodes)) == len(lengths)
    for number in range(1, shards):  # a border is at most an episode away from its place, but for too few episodes
        place = sum(map(len, cut[:number]))
        assert abs(place - number * len(made.anchors) / shards) <= max(lengths) * shards


@given(LENGTHS, st.integers(1, 3), st.integers(1, 2), st.integers(0, 9))
def test_an_epoch_uses_a_frame_at_most_once_and_each_shard_equally(
    lengths: list[int], shards: int, parts: int, seed: int
) -> None:
    made, share = sampler(lengths), 2 * parts
    cut = made.cut_into_shards(shards)

    batches = list(made.epoch(np.random.default_rng(seed), share * shards, shards=shards, parts=parts))

    assert len(batches) == min(map(len, cut)) // share
    used = np.concatenate([first for first, _ in batches]) if batches else np.zeros(0)
    assert len(set(used.tolist())) == len(used)
    for first, second in batches:
        assert (made.states.episode_of[first] == made.states.episode_of[second]).all()
        assert (first != second).all()
        rows = first.reshape(parts, shards, -1)
        for number, anchors in enumerate(cut):
            assert np.isin(rows[:, number], anchors).all()


def test_one_shard_is_the_epoch_without_shards() -> None:
    made = sampler([5, 7, 9])
    without = list(made.epoch(np.random.default_rng(3), 4))
    with_one = list(made.epoch(np.random.default_rng(3), 4, shards=1, parts=2))
    np.testing.assert_array_equal(without, with_one)


def test_more_shards_than_episodes_are_refused() -> None:
    with pytest.raises(DataError, match=r"shards = 3, but the frames to pair are of 2 episodes"):
        sampler([5, 7]).cut_into_shards(3)
