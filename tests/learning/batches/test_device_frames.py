"""The copy of the frames on the device gives the very pairs that the buffer gives."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from buffer_writing import told_frame, told_numbers

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.learning.batches.device_frames import DeviceFrames, wants_copy
from aassl_ros.learning.batches.live_batches import LiveBatches
from aassl_ros.learning.batches.settings import PairSettings

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def fill(buffer: ReplayBuffer, numbers: range) -> None:
    for number in numbers:
        buffer.append(told_frame(number, number // 20), number, number // 20, [number])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("keep", ["newest", "reservoir"])
def test_pairs_are_those_of_the_buffer(device: str, keep: str) -> None:
    buffer = ReplayBuffer(100, 32, ["a"], keep=keep, stretch_frames=10)
    copy = DeviceFrames(buffer, torch.device(device))
    came = 0
    for added in (60, 0, 3, 30, 90, 500):  # more than the buffer holds, too
        fill(buffer, range(came, came + added))
        came += added
        host, there = (
            source.sample(16, Window("frames", 1, 3), ActionSpace("joints"), np.random.default_rng(added))
            for source in (buffer, copy)
        )
        assert there.first.device.type == device
        np.testing.assert_array_equal(there.first.cpu().numpy(), host.first)
        np.testing.assert_array_equal(there.second.cpu().numpy(), host.second)
        np.testing.assert_array_equal(there.actions, host.actions)
        told_numbers(host.first)


def test_a_copy_that_is_made_late_has_the_old_frames_of_a_reservoir() -> None:
    buffer = ReplayBuffer(64, 32, ["a"], keep="reservoir", stretch_frames=8)
    fill(buffer, range(3000))
    copy = DeviceFrames(buffer, torch.device("cpu"))
    rng = [np.random.default_rng(0) for _ in range(2)]
    host, there = buffer.sample(32, Window(), None, rng[0]), copy.sample(32, Window(), None, rng[1])
    np.testing.assert_array_equal(there.first.numpy(), host.first)


def test_pairs_are_whole_while_another_thread_appends() -> None:
    buffer = ReplayBuffer(64, 32, ["a"])
    fill(buffer, range(64))
    copy, stop = DeviceFrames(buffer, torch.device("cpu")), threading.Event()

    def append() -> None:
        while not stop.is_set():
            fill(buffer, range(buffer.appended, buffer.appended + 20))

    writer = threading.Thread(target=append)
    writer.start()
    try:
        for seed in range(100):
            pairs = copy.sample(8, Window("frames", 1, 3), ActionSpace("joints"), np.random.default_rng(seed))
            first, second = told_numbers(pairs.first.numpy()), told_numbers(pairs.second.numpy())
            np.testing.assert_array_equal(first[:, 1], second[:, 1])
            np.testing.assert_array_equal(pairs.actions[:, 0], second[:, 0] - first[:, 0])
    finally:
        stop.set()
        writer.join()


class Overtaken(ReplayBuffer):
    """A buffer in which many frames come right after each draw, so that some of the drawn ones are gone."""

    def draw(self, *arguments: Any, **named: Any) -> Any:
        found = super().draw(*arguments, **named)
        fill(self, range(self.appended, self.appended + 32))
        return found


def test_pairs_that_were_drawn_before_further_frames_came_stay_whole() -> None:
    buffer = Overtaken(64, 32, ["a"])
    fill(buffer, range(64))
    copy = DeviceFrames(buffer, torch.device("cpu"))
    for seed in range(20):
        pairs = copy.sample(16, Window("frames", 1, 3), ActionSpace("joints"), np.random.default_rng(seed))
        first, second = told_numbers(pairs.first.numpy()), told_numbers(pairs.second.numpy())
        np.testing.assert_array_equal(first[:, 1], second[:, 1])
        np.testing.assert_array_equal(pairs.actions[:, 0], second[:, 0] - first[:, 0])


def test_no_pairs_are_asked_if_a_whole_batch_is_mixed_in() -> None:
    buffer = ReplayBuffer(64, 32, ["a"])
    fill(buffer, range(64))
    none = DeviceFrames(buffer, torch.device("cpu")).sample(0, Window(), None, np.random.default_rng(0))
    assert none.first.shape == none.second.shape == (0, 32, 32, 3)


@pytest.mark.parametrize("settings", [{}, {"method": "simclr"}], ids=["pairs", "views of one frame"])
@pytest.mark.parametrize("with_data", [False, True], ids=["live", "mixed with prepared data"])
def test_batches_are_those_of_the_buffer_flipped_and_mixed(settings: Any, with_data: bool, few_clouds: Any) -> None:
    buffer, rng = ReplayBuffer(200, 32, ["wrist", "elbow"]), np.random.default_rng(0)
    for number in range(100):
        turn = rng.normal(size=4)
        pose = [0, 0, 0.5, *(turn / np.linalg.norm(turn))]
        buffer.append(told_frame(number, number // 20), number, number // 20, [0, 0], object_pose=pose)
    batches = []
    for on_device in ("off", "on"):
        chosen = PairSettings(**{"method": "aa_simclr", "batch": 32, "flip_probability": 0.5, **settings})
        live = LiveBatches(
            chosen, known=None, replay=few_clouds if with_data else None, replay_sets=("train",), replay_fraction=0.5,
            on_device=on_device,
        )  # fmt: skip
        if live.needs_space:
            live.choose_space(buffer, np.random.default_rng(1))
        batches.append(live.draw(buffer, np.random.default_rng(2)))
    host, there = batches
    assert isinstance(there.first, torch.Tensor)
    np.testing.assert_array_equal(there.first.numpy(), host.first)
    np.testing.assert_array_equal(there.second.numpy(), host.second)
    if host.action is not None:
        np.testing.assert_array_equal(there.action, host.action)


def test_each_part_of_a_mixed_batch_has_pairs_of_the_buffer_and_of_the_prepared_data(few_clouds: Any) -> None:
    buffer, rng = ReplayBuffer(200, 32, ["wrist"]), np.random.default_rng(0)
    for number in range(100):
        buffer.append(np.full((32, 32, 3), 255, np.uint8), number, number // 20, [0.0])
    settings = PairSettings(method="simclr_tt", batch=64)
    live = LiveBatches(settings, known=None, replay=few_clouds, replay_sets=("train",), replay_fraction=0.5)
    batch = live.draw(buffer, rng)
    is_live = (np.asarray(batch.first) == 255).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(is_live, (np.asarray(batch.second) == 255).all(axis=(1, 2, 3)))
    assert is_live.sum() == 32
    assert all(4 <= part.sum() <= 12 for part in is_live.reshape(4, 16))


def test_the_copy_is_made_as_the_setting_says() -> None:
    buffer, cpu = ReplayBuffer(10, 32, []), torch.device("cpu")
    assert [wants_copy(choice, buffer, cpu) for choice in ("off", "on", "auto")] == [False, True, False]
