"""Damaged data: frames lost, rates uneven, states of another moment; pictures and episodes keep together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from aassl_ros.benchmarks.synthetic import write_synthetic
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.motion import rotations
from aassl_ros.studies.damage import Damage, damaged, frame_interval_ns

FRAMES = 8  # of each episode


def test_frames_that_are_left_keep_their_pictures_poses_and_episodes(data: PreparedData) -> None:
    found = damaged(data, Damage(missing=0.5), seed=0)
    kept = np.flatnonzero(np.isin(data.frames.reshape(len(data), -1)[:, :24].copy().view("V24").ravel(),
                                  found.frames.reshape(len(found), -1)[:, :24].copy().view("V24").ravel()))  # fmt: skip
    assert len(found) == len(kept) < 0.75 * len(data)
    np.testing.assert_array_equal(found.object_pose, data.object_pose[kept])
    np.testing.assert_array_equal(found.stamps_ns, data.stamps_ns[kept])
    np.testing.assert_array_equal(found.episode_of, data.episode_of[kept])
    for number, row in enumerate(found.episodes):
        assert row.stop - row.start >= 2
        assert (found.episode_of[row.start : row.stop] == number).all()
    assert found.episodes[-1].stop == len(found)


def test_a_latency_of_one_frame_gives_the_states_of_the_frame_before(data: PreparedData) -> None:
    found = damaged(data, Damage(latency=1.0), seed=0)
    first = np.arange(len(data)) % FRAMES == 0
    before = np.where(first, np.arange(len(data)), np.arange(len(data)) - 1)
    angle = rotations.angle_between(found.object_pose[:, 3:], data.object_pose[before, 3:])
    np.testing.assert_allclose(angle, 0, atol=1e-6)
    np.testing.assert_array_equal(found.stamps_ns, data.stamps_ns)
    assert found.frames is data.frames


def test_half_a_frame_of_latency_is_half_of_the_turn(data: PreparedData) -> None:
    found = damaged(data, Damage(latency=0.5), seed=0)
    to_before = rotations.angle_between(found.object_pose[1:FRAMES, 3:], data.object_pose[: FRAMES - 1, 3:])
    whole = rotations.angle_between(data.object_pose[1:FRAMES, 3:], data.object_pose[: FRAMES - 1, 3:])
    np.testing.assert_allclose(to_before, whole / 2, rtol=1e-5)


def test_between_two_frames_a_joint_that_comes_round_goes_the_short_way(data: PreparedData) -> None:
    position = np.tile(np.float32([[3.1, 3.1], [-3.1, -3.1]]), (len(data) // 2, 1))
    recorded = np.degrees(position[:, :1].astype(float))
    one = replace(data, joint_names=("wrist", "slide"), joint_position=position, continuous_joints=("wrist",),
                  recorded=recorded, recorded_names=("table_deg",))  # fmt: skip
    found = damaged(one, Damage(latency=0.5), seed=0)
    around = np.abs(found.joint_position[1:FRAMES, 0])
    np.testing.assert_allclose(around, np.pi, atol=0.05)
    np.testing.assert_allclose(np.abs(found.recorded[1:FRAMES, 0]), 180, atol=3)
    np.testing.assert_allclose(found.joint_position[1:FRAMES, 1], 0, atol=1e-6)


def test_wrong_stamps_still_rise_within_each_episode(data: PreparedData) -> None:
    found = damaged(data, Damage(jitter=2.0), seed=0)
    assert (found.stamps_ns != data.stamps_ns).any()
    rising = np.diff(found.stamps_ns)[np.diff(data.episode_of) == 0]
    assert (rising > 0).all()


def test_an_uneven_rate_thins_every_other_stretch(tmp_path: Path) -> None:
    long = write_synthetic(tmp_path / "long", episodes=4, frames=64, image_size=8)
    found = damaged(long, Damage(uneven=True), seed=0)
    number = (found.stamps_ns - long.stamps_ns[0]) // round(frame_interval_ns(long))
    left = np.bincount(number // 8, minlength=8)
    np.testing.assert_array_equal(left[::2], 4 * 8)
    assert (left[1::2] < 20).all()


def test_damage_is_the_same_for_the_same_seed_and_named_in_the_fingerprint(data: PreparedData) -> None:
    one, two, other = (damaged(data, Damage(missing=0.3), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.object_pose, two.object_pose)
    assert len({data.fingerprint, one.fingerprint, other.fingerprint}) == 3
    assert one.fingerprint == two.fingerprint


def test_the_distance_of_frames_is_that_within_episodes(data: PreparedData) -> None:
    assert frame_interval_ns(data) == 100_000_000
