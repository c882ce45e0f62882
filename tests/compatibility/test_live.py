"""A bag that a simulator filled before the regrouping gives live training the frames of its prepared data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from live_replay import assert_live_as_recorded


def test_a_simulated_recording_played_live_gives_the_prepared_frames(unpacked: Path, tmp_path: Path) -> None:
    filler, data, _ = assert_live_as_recorded(unpacked / "bag_mcap", tmp_path / "data", 16)
    assert filler.counts.kept > 10
    assert np.isfinite(data.tip_pose).all()
    assert np.isfinite(data.object_pose).all()
