"""Windows in degrees that no frame of an episode is in: turntables with few views, and recorded angles."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.pairs import turned_partners, turns
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.turns import turn_angle, turn_degrees
from aassl_ros.data.pairs.window import Window
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

NEAR = Window("degrees", 0, 40)


def turntable(views: int, objects: int = 4, *, recorded: bool = False, step_deg: float = 0.0) -> Any:
    """Objects on a turntable: a whole turn in `views` steps, by pose or by a recorded angle."""
    turned = np.tile(np.arange(views) * (step_deg or 360 / views), objects)
    poses = np.zeros((len(turned), 7))
    poses[:, 3:] = rotations.from_rotation_vector(np.radians(turned)[:, None] * [[0, 0, 1]])
    unknown = np.full_like(poses, np.nan)
    return SimpleNamespace(
        stamps_ns=np.tile(np.arange(views), objects),
        episode_of=np.repeat(np.arange(objects), views),
        object_pose=unknown if recorded else poses,
        tip_pose=unknown,
        recorded=turned[:, None] if recorded else np.zeros((len(turned), 0)),
        recorded_names=("table_deg",) if recorded else (),
    )


def angles(names: tuple[str, ...], values: ArrayLike, lengths: tuple[int, ...]) -> Any:
    table = np.asarray(values, np.float64)
    unknown = np.full((len(table), 7), np.nan)
    return SimpleNamespace(
        stamps_ns=np.arange(len(table)), episode_of=np.repeat(np.arange(len(lengths)), lengths),
        object_pose=unknown, tip_pose=unknown, recorded=table, recorded_names=names,
    )  # fmt: skip


def sampler_of(states: Any, window: Window = NEAR) -> PairSampler:
    return PairSampler(states, np.arange(len(states.stamps_ns)), window)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("views", [6, 8])
def test_a_turntable_with_few_views_gives_the_views_on_both_sides(views: int, recorded: bool) -> None:
    sampler = sampler_of(turntable(views, recorded=recorded))
    anchors = np.tile(sampler.anchors, 500)

    steps = (sampler.partners(anchors, np.random.default_rng(0)) - anchors) % views

    counts = np.bincount(steps, minlength=views)
    np.testing.assert_allclose(counts[[1, views - 1]], len(anchors) / 2, rtol=0.05)
    assert counts.sum() == counts[[1, views - 1]].sum()


def test_frames_without_a_partner_take_few_evaluations_and_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = 0

    def counted(states: Any, first: NDArray[np.int64], tried: NDArray[np.int64]) -> NDArray[np.float64]:
        nonlocal evaluated
        evaluated += tried.size
        return turn_degrees(states, first, tried)

    monkeypatch.setattr(turned_partners, "turn_degrees", counted)
    sampler = sampler_of(turntable(6, objects=50, recorded=True))
    anchors = np.tile(sampler.anchors, 300)
    tracemalloc.start()
    sampler.partners(anchors, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert evaluated <= len(anchors) * (16 + 5)  # of 512 draws
    assert peak < 200e6


def test_the_search_changes_no_draw_of_frames_that_have_a_partner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six views of some objects, 36 of others: as without the search, the draws of the latter stay what they were."""
    states = turntable(36)
    few = np.isin(states.episode_of, [1, 2]) & (states.stamps_ns % 6 > 0)
    frames = np.flatnonzero(~few)

    def drawn() -> list[NDArray[np.int64]]:
        rng = np.random.default_rng(0)
        sampler = PairSampler(states, frames, NEAR)
        return [np.stack(batch) for _ in range(3) for batch in sampler.epoch(rng, 16)]

    with_search = drawn()
    monkeypatch.setattr(turned_partners, "_SEARCHED", 0)
    for now, before in zip(with_search, drawn(), strict=True):
        np.testing.assert_array_equal(now[0], before[0])
        satisfied = np.isin(states.episode_of[now[0]], [0, 3])
        np.testing.assert_array_equal(now[1][satisfied], before[1][satisfied])


def test_the_quick_turn_by_a_recorded_angle_is_the_exact_one() -> None:
    rng = np.random.default_rng(0)
    states = angles(("table_deg",), rng.uniform(-720, 720, (60, 1)), (60,))
    states.recorded[5] = np.nan
    first, tried = rng.integers(0, 60, 40), rng.integers(0, 60, (40, 9))

    quick = turn_degrees(states, first, tried)

    exact = [[turn_angle(states, first[i : i + 1], tried[i, k : k + 1])[0] for k in range(9)] for i in range(40)]
    np.testing.assert_array_equal(quick, np.degrees(exact))


def test_the_share_of_frames_without_a_partner_and_the_turn_used_instead_are_known() -> None:
    reach = sampler_of(turntable(6)).reach()
    assert reach is not None
    assert (reach.without, reach.used_deg, reach.nearest_deg) == pytest.approx((1, 60, 60))

    fine = sampler_of(turntable(36)).reach()
    assert fine is not None
    assert (fine.without, fine.nearest_deg) == pytest.approx((0, 10))
    assert np.isnan(fine.used_deg)
    assert sampler_of(turntable(6), Window()).reach() is None


def test_long_episodes_are_sampled() -> None:
    reach = sampler_of(turntable(20_000, 1, step_deg=0.01), Window("degrees", 0.001, 0.002)).reach()
    assert reach is not None
    assert reach.without == 1
    assert reach.used_deg == pytest.approx(0.01, rel=0.2)


def test_an_angle_that_is_constant_in_each_episode_is_ignored_beside_one_that_turns() -> None:
    rings = [[20 * k, elevation] for elevation in (10, 30) for k in range(9)]
    states = angles(("azimuth_deg", "elevation_deg"), rings, (9, 9))

    assert turns.turning_angles(states) == ("azimuth_deg",)
    np.testing.assert_allclose(turn_angle(states, np.array([0, 9]), np.array([1, 12])), np.radians([20, 60]))
    assert len(sampler_of(states).anchors) == 18


def test_two_recorded_angles_are_named_as_the_reason_of_an_unknown_turn() -> None:
    states = angles(("azimuth_deg", "elevation_deg"), [[20 * k, 5 * k] for k in range(9)], (9,))
    with pytest.raises(DataError, match=r"unknown: there are two recorded angles \(azimuth_deg, elevation_deg\)"):
        sampler_of(states)
    with pytest.raises(DataError, match="the turn is unknown: no frame has a pose"):
        sampler_of(angles((), np.zeros((4, 0)), (4,)))
