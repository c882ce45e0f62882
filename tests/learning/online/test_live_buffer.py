"""The trainer's buffer: its size by the settings, kept in a folder and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.replay.folder import FRAMES, TABLE
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import ConfigError
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings
from aassl_ros.learning.online.live_buffer import LiveBuffer

SIZE = 32


def filler(folder: Path | str = "", **settings: Any) -> BufferFiller:
    chosen = BufferFillerSettings(buffer_dir=str(folder), **{"capacity": 200, **settings})
    return BufferFiller(chosen, SyncSettings(), SIZE)


def test_the_smaller_of_frames_and_bytes_counts(make_arm: Any) -> None:
    frame_bytes = SIZE * SIZE * 3
    for settings, expected in (
        ({"capacity": 150, "capacity_mb": 100.0}, (150, 150)),
        ({"capacity": 50_000, "capacity_mb": 150 * frame_bytes / 1e6}, (130, 150)),
    ):
        intake = filler(**settings)
        make_arm(intake).handle("lying_0000", frames=2)
        assert expected[0] <= intake.buffer.capacity <= expected[1]


def test_too_few_bytes_are_refused_with_what_would_be_enough() -> None:
    with pytest.raises(
        ConfigError, match=r"capacity_mb = 0.01 has room for . frames of 32 px, expected 100: set it to"
    ):
        filler(capacity_mb=0.01)


@pytest.mark.parametrize("storage", ["mapped", "memory"])
def test_a_kept_buffer_is_restored_and_goes_on(tmp_path: Path, make_arm: Any, storage: str) -> None:
    before = filler(tmp_path / "kept", buffer_storage=storage)
    make_arm(before).handle("lying_0000", frames=30)
    frames = before.buffer.frames[:30].copy()
    before.close()
    after = filler(tmp_path / "kept", buffer_storage=storage)
    assert after.instances == {"lying_0000"}
    np.testing.assert_array_equal(after.buffer.frames[:30], frames)
    make_arm(after).handle("standing_0001", frames=30)
    assert len(after.buffer) == 60
    assert after.instances == {"lying_0000", "standing_0001"}
    assert {entry.category for entry in after.buffer.episodes.values()} == {"lying", "standing"}
    after.close()
    settings = BufferFillerSettings(capacity=200, buffer_dir=str(tmp_path / "kept"), buffer_storage=storage)
    again = LiveBuffer(settings, SIZE)
    assert again.restored_line == f"60 frames of 2 episodes restored from {tmp_path / 'kept'}."
    again.close()
    assert LiveBuffer(BufferFillerSettings(), SIZE).restored_line == ""


def test_what_does_not_fit_the_settings_is_told_with_what_to_do(tmp_path: Path, make_arm: Any) -> None:
    before = filler(tmp_path / "kept")
    make_arm(before).handle("lying_0000")
    before.close()
    for settings, message in (
        ({"capacity": 300}, "made with capacity = 200, but the settings say 300"),
        ({"retention": "reservoir"}, "made with retention = newest, but the settings say reservoir"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            filler(tmp_path / "kept", **settings)
        assert "restore_buffer" in str(error.value)
    with pytest.raises(ConfigError, match="frame_size = 32, but the settings say 48"):
        LiveBuffer(BufferFillerSettings(capacity=200, buffer_dir=str(tmp_path / "kept")), 48)
    (tmp_path / "kept" / TABLE).write_text("{")
    with pytest.raises(ConfigError, match=r"cannot be restored: .* is damaged"):
        filler(tmp_path / "kept")
    fresh = filler(tmp_path / "kept", restore_buffer=False)
    assert fresh.buffer is None
    make_arm(fresh).handle("lying_0000", frames=2)
    assert len(fresh.buffer) == 2


def test_a_folder_without_space_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MiB are free\. Lower capacity, or set capacity_mb"):
        LiveBuffer(BufferFillerSettings(capacity=50_000_000, buffer_dir=str(tmp_path)), 1024)  # 157 TB


def test_a_failed_save_is_told_and_the_next_one_succeeds(tmp_path: Path, make_arm: Any) -> None:
    intake = filler(tmp_path / "kept", buffer_storage="memory")
    make_arm(intake).handle("lying_0000")
    (tmp_path / "kept" / FRAMES).rename(tmp_path / "away")
    intake.save()
    assert "the replay buffer cannot be saved (No such file or directory)" in intake.problem
    (tmp_path / "away").rename(tmp_path / "kept" / FRAMES)
    intake.close()
    assert intake.problem == ""
    assert len(filler(tmp_path / "kept").buffer) == 30
