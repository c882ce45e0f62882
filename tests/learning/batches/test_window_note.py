"""Frames without a partner: what is said about them, and pairs of one frame that need none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import DataError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.motion import rotations

SIZE = 8
SETTINGS = LearnerSettings(batch=4, image_size=SIZE, width=4, method="simclr_tt")


def write(path: Path, *views: int) -> PreparedData:
    """Objects on a turntable, each with so many views of a whole turn."""
    with PreparedWriter(path, SIZE) as writer:
        for number, count in enumerate(views):
            pose = np.tile((0, 0, 0.5, 0, 0, 0, 1.0), (count, 1))
            turned = np.radians(np.arange(count) * 360 / count)
            pose[:, 3:] = rotations.from_rotation_vector(turned[:, None] * [[0, 0, 1]])
            writer.append_frames(np.full((count, SIZE, SIZE, 3), number, np.uint8))
            states = EpisodeStates(np.arange(count) + 1, object_pose=pose)
            writer.add_episode("", str(number), f"object {number}", "cup", "train", states)
        writer.finish("turntable")
    return PreparedData.open(path)


def note(data: PreparedData, **others: object) -> str:
    return PairBatches(data, replace(SETTINGS, **others), ("train",)).window_note  # type: ignore[arg-type]


def test_frames_that_use_the_nearest_frame_are_counted(tmp_path: Path) -> None:
    data = write(tmp_path / "data", 6, 6, 36)
    said = "25 % of the frames have no partner within 40 degrees; the nearest is used (median 60 degrees)."
    assert note(data, window="degrees:40") == said
    assert note(data, window="degrees:30:40").startswith("25 % of the frames have no partner within 30 to 40 degrees;")
    assert note(data, window="degrees:60") == note(data) == note(data, window="next") == ""
    assert note(data, window="degrees:40", method="simclr") == ""


def test_frames_that_are_dropped_are_counted(tmp_path: Path) -> None:
    data = write(tmp_path / "data", 6, 1, 1, 1)
    said = "3 frames of 3 objects have no partner and are not trained on."
    assert note(data) == note(data, window="next") == note(data, window="frames:2") == said
    object_pose = np.where(np.arange(9)[:, None] < 2, np.nan, data.object_pose)
    unknown = replace(data, object_pose=object_pose)
    skipped = "2 frames of 1 object have no known turn and are not trained on."
    assert note(unknown, window="degrees:60") == f"{skipped} {said}"


def test_two_views_of_one_photograph_are_a_pair_and_other_methods_say_what_is_missing(tmp_path: Path) -> None:
    data = write(tmp_path / "data", *[1] * 8)
    batches = PairBatches(data, replace(SETTINGS, method="simclr"), ("train",))
    seen = [
        int(image[0, 0, 0]) for batch in batches.epoch(np.random.default_rng(0)) for image in np.asarray(batch.first)
    ]
    assert sorted(seen) == list(range(8))
    with pytest.raises(DataError, match="Each episode has one picture: give the pictures of an obj"):
        PairBatches(data, SETTINGS, ("train",))


def test_a_photograph_beside_episodes_is_used_by_pairs_of_one_frame(tmp_path: Path) -> None:
    data = write(tmp_path / "data", 7, 1)
    for method, frames in (("simclr", 8), ("simclr_tt", 7)):
        assert len(PairBatches(data, replace(SETTINGS, method=method), ("train",)).sampler.anchors) == frames
