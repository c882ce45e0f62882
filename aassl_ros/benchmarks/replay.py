"""The replay buffer: sampling from many mapped frames and from few in memory, its memory, and appending meanwhile.

The frames are truly written, because pages that are only reserved would cost nothing to read. TMPDIR chooses the disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.replay.folder import BufferLayout
from aassl_ros.data.replay.retention import NEWEST
from aassl_ros.data.replay.saved_buffer import SavedReplayBuffer
from aassl_ros.learning.compute.process_memory import memory_bytes

SMALL, LARGE, LARGE_QUICK = 10_000, 1_000_000, 50_000
_EPISODE = 250
_FRAME_NS = 33_333_333
_JOINTS = tuple(f"joint_{number}" for number in range(7))
_WINDOW, _SPACE = Window("seconds", 0.1, 1.0), ActionSpace("joints", components=_JOINTS)
_APPENDS, _APPEND_PERIOD_S = 300, 0.01
_STRETCH_FRAMES = 256


def measure_buffer(folder: Path, *, size: int, batch: int, quick: bool) -> dict[str, Any]:
    """Measure the buffer's figures in `aassl bench data`. folder: for the mapped frames; size: of a frame in pixels."""
    many, rounds = (LARGE_QUICK, 20) if quick else (LARGE, 200)
    small = ReplayBuffer(SMALL, size, _JOINTS, _JOINTS)
    before = memory_bytes("VmRSS")
    _fill(small, SMALL)
    memory_ratio = (memory_bytes("VmRSS") - before) / (SMALL * size * size * 3)
    layout = BufferLayout(many, size, _JOINTS, _JOINTS, NEWEST, _STRETCH_FRAMES)
    large = SavedReplayBuffer.create(folder, layout)
    before = memory_bytes("VmRSS")
    _fill_mapped(large, many)
    mapped_ratio = (memory_bytes("VmRSS") - before) / (many * size * size * 3)
    rng = np.random.default_rng(0)
    seconds = np.array([[_sample_s(buffer, batch, rng) for buffer in (small, large)] for _ in range(rounds)])
    alone_s = _append_s(large)
    with _sampling(large, batch):
        beside_s = _append_s(large)
    large.close()
    small_s, large_s = np.median(seconds, axis=0)
    return {
        "buffer_sample_ratio": float(large_s / small_s),
        "buffer_sample_ms_in_memory": 1e3 * float(small_s),
        "buffer_sample_ms_mapped": 1e3 * float(large_s),
        "buffer_memory_ratio": float(memory_ratio),
        "buffer_mapped_memory_ratio": float(mapped_ratio),
        "buffer_append_ms_p99": 1e3 * float(np.percentile(alone_s, 99)),
        "buffer_append_ms_p99_while_sampling": 1e3 * float(np.percentile(beside_s, 99)),
        "buffer_frames": f"{SMALL} in memory, {many} mapped, {size} px, batch {batch}",
    }


def _fill(buffer: ReplayBuffer, count: int) -> None:
    """Append frames of noise in episodes of 250; the pixels of a page never repeat."""
    rng = np.random.default_rng(0)
    shape = buffer.frames.shape[1:]
    noise = rng.integers(0, 256, 4096 + int(np.prod(shape)), np.uint8)
    joints = np.cumsum(rng.normal(0, 0.02, (_EPISODE, len(_JOINTS))), axis=0)
    pose = np.array([0, 0, 0.5, 0, 0, 0, 1.0])
    for number in range(count):
        offset = int(number * 2654435761 % 4096)
        _append(buffer, noise[offset : offset + int(np.prod(shape))].reshape(shape), joints, pose)


def _fill_mapped(buffer: SavedReplayBuffer, count: int) -> None:
    """Fill a buffer as `_fill` does, but many frames at once: one by one, a million take minutes."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (_EPISODE, *buffer.frames.shape[1:]), np.uint8)
    for start in range(0, count, _EPISODE):
        part = buffer.frames[start : start + _EPISODE]
        part[...] = noise[: len(part)]
    numbers = np.arange(count)
    rows, episodes = buffer.rows[:count], numbers // _EPISODE
    joints = np.cumsum(rng.normal(0, 0.02, (_EPISODE, len(_JOINTS))), axis=0)[numbers % _EPISODE]
    rows["serial"], rows["stamp"], rows["valid"] = numbers + 1, (numbers + 1) * _FRAME_NS, True
    rows["episode"], rows["stretch"], rows["index"] = episodes, episodes, numbers % _EPISODE
    rows["joint_position"], rows["joint_command"] = joints, joints
    rows["object_pose"] = rows["tip_pose"] = (0, 0, 0.5, 0, 0, 0, 1)
    last = int(episodes[-1])
    table = {
        "appended": count,
        "robots": [""],
        "continuous": {},
        "episodes": [[number, "", str(number), "", ""] for number in range(last + 1)],
        "next_episode": last + 1,
        "instances": [],
        "retention": {"next_stretch": last + 1, "next_slot": count % buffer.capacity},
    }
    buffer._index(numbers, table)


def _append(buffer: ReplayBuffer, frame: Any, joints: Any, pose: Any) -> None:
    number = buffer.appended
    row = joints[number % _EPISODE]
    buffer.append(frame, (number + 1) * _FRAME_NS, str(number // _EPISODE), row, row, pose, pose)


def _sample_s(buffer: ReplayBuffer, batch: int, rng: np.random.Generator) -> float:
    begun = time.perf_counter()
    buffer.sample(batch, _WINDOW, _SPACE, rng)
    return time.perf_counter() - begun


def _append_s(buffer: ReplayBuffer) -> list[float]:
    """Return the seconds that each of some frames takes, at 100 Hz."""
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 256, buffer.frames.shape[1:], np.uint8)
    joints, pose, seconds = rng.normal(size=(_EPISODE, len(_JOINTS))), np.array([0, 0, 0.5, 0, 0, 0, 1.0]), []
    for _ in range(_APPENDS):
        begun = time.perf_counter()
        _append(buffer, frame, joints, pose)
        seconds.append(time.perf_counter() - begun)
        time.sleep(_APPEND_PERIOD_S)
    return seconds


@contextmanager
def _sampling(buffer: ReplayBuffer, batch: int) -> Iterator[None]:
    """Draw batches in another thread."""
    stop = threading.Event()

    def sample() -> None:
        rng = np.random.default_rng(2)
        while not stop.is_set():
            buffer.sample(batch, _WINDOW, _SPACE, rng)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
