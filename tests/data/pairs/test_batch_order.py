"""Batches whose pairs are of different episodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.data.pairs.batch_order import distinct_order


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 8), st.integers(0, 2**31))
def test_each_frame_is_taken_once(lengths: list[int], batch: int, seed: int) -> None:
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    order = distinct_order(episodes, np.random.default_rng(seed), batch)
    assert sorted(order.tolist()) == list(range(len(episodes)))


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**31))
def test_a_batch_has_each_episode_once(episodes: int, frames: int, batch: int, seed: int) -> None:
    batch = min(batch, episodes)
    owner = np.repeat(np.arange(episodes), frames)
    order = owner[distinct_order(owner, np.random.default_rng(seed), batch)]
    for start in range(0, len(order) - batch + 1, batch):
        assert len(set(order[start : start + batch].tolist())) == batch


def test_with_fewer_episodes_than_pairs_each_counts_as_often() -> None:
    owner = np.repeat(np.arange(3), 8)
    order = owner[distinct_order(owner, np.random.default_rng(0), 6)]
    for start in range(0, 24, 6):
        assert np.bincount(order[start : start + 6]).tolist() == [2, 2, 2]


def test_frames_and_episodes_come_in_another_order_each_epoch() -> None:
    owner, rng = np.repeat(np.arange(10), 10), np.random.default_rng(0)
    one, other = (distinct_order(owner, rng, 5) for _ in range(2))
    assert (one != other).mean() > 0.8
    assert np.corrcoef(one, np.arange(100))[0, 1] == pytest.approx(0, abs=0.35)
