"""Frames whose pixels tell their number and episode, and a process that appends and saves them until it is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.replay.folder import BufferLayout, has_buffer
from aassl_ros.data.replay.saved_buffer import SavedReplayBuffer

SIZE, EPISODE = 32, 10
SAVE_EVERY = 17


def told_frame(number: int, episode: int, size: int = SIZE) -> NDArray[np.uint8]:
    """A frame all of whose pixels depend on its number and episode: a mixture of two frames is none of them."""
    words = np.full(size * size * 3 // 8, number * 1_000_003 + 7, np.uint64) * np.arange(1, 1 + size * size * 3 // 8)
    words[0], words[1] = number, episode
    return words.astype(np.uint64).view(np.uint8).reshape(size, size, 3)


def told_numbers(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The number and the episode of each frame, int64 [N, 2]; asserts that each frame is whole."""
    size = frames.shape[1]
    found = np.ascontiguousarray(frames).reshape(len(frames), -1)[:, :16].copy().view(np.int64)
    for frame, (number, episode) in zip(frames, found.tolist(), strict=True):
        np.testing.assert_array_equal(frame, told_frame(number, episode, size))
    return found


def layout(capacity: int, keep: str = "newest") -> BufferLayout:
    return BufferLayout(capacity, SIZE, ("a",), ("a",), keep, 8)


def append_numbers(buffer: SavedReplayBuffer, numbers: range) -> None:
    """Append frames of one robot in episodes of EPISODE frames; a frame's joint is at its number."""
    for number in numbers:
        episode = number // EPISODE
        buffer.append(told_frame(number, episode), number * 1000, str(episode), [number], instance=f"i{episode}")


def append_and_save(path: Path, capacity: int, keep: str, mapped: bool, progress: Any) -> None:
    """Open or create the buffer, and append and save for ever.

    progress: shared integers: the serial of the frame that is being appended, and that of the last finished save.
    """
    if has_buffer(path):
        buffer = SavedReplayBuffer.open(path, mapped=mapped)
    else:
        buffer = SavedReplayBuffer.create(path, layout(capacity, keep), mapped=mapped)
    while True:
        progress[0] = buffer.appended + 1
        append_numbers(buffer, range(buffer.appended, buffer.appended + 1))
        if buffer.appended % SAVE_EVERY == 0:
            saving = buffer.appended
            buffer.save()
            progress[1] = saving
