"""Robots whose actions differ: which action space each frame has, and what stands in a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from robot_data import PANDA, SO101, add_episodes, write_robot

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.batches.ablations import AblationSettings
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.batches.space_choice import choose_spaces
from aassl_ros.learning.settings import LearnerSettings

SETTINGS = LearnerSettings(batch=32, image_size=16, width=4, method="aa_simclr")


def batches_of(data: PreparedData, settings: LearnerSettings = SETTINGS) -> PairBatches:
    return PairBatches(data, settings, ("train",))


@pytest.fixture(scope="module")
def two_robots(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    folder = tmp_path_factory.mktemp("robots")
    write_robot(folder / "panda", PANDA)
    write_robot(folder / "so101", SO101, episodes=3, seed=1)
    return PreparedData.open(folder / "panda", folder / "so101")


def test_two_robots_have_the_action_spaces_that_each_has_alone(two_robots: PreparedData) -> None:
    together = batches_of(two_robots)

    assert [each.space.components for each in together.spaces] == [PANDA, SO101]
    assert (together.space, together.normalisation) == (None, None)
    assert together.action_dimension == 12
    assert str(together.coverage) == "chosen automatically, known for 100 % of the frames (67 % and 33 %)"
    for each, folder in zip(together.spaces, two_robots.folders, strict=True):
        (alone,) = batches_of(PreparedData.open(folder.path)).spaces
        assert each.space == alone.space
        np.testing.assert_array_equal(each.normalisation.median, alone.normalisation.median)
        np.testing.assert_array_equal(each.normalisation.scale, alone.normalisation.scale)


def test_a_pair_has_the_action_of_its_robot_and_none_of_the_others(two_robots: PreparedData) -> None:
    batches = batches_of(two_robots)
    _, so101 = batches.spaces

    batch = next(batches.epoch(np.random.default_rng(0)))

    first, second = next(batches.sampler.epoch(np.random.default_rng(0), 32))
    of_panda = first < two_robots.folders[1].start
    assert batch.action is not None
    assert (np.isnan(batch.action[:, :7]).all(axis=1) == ~of_panda).all()
    assert (np.isnan(batch.action[:, 7:]).all(axis=1) == of_panda).all()
    rows = np.flatnonzero(~of_panda)
    expected = so101.normalisation(so101.space.displacement(two_robots, first[rows], second[rows]))
    np.testing.assert_array_equal(batch.action[rows, 7:], expected)


def test_shuffled_actions_stay_within_their_space(two_robots: PreparedData) -> None:
    plain = next(batches_of(two_robots).epoch(np.random.default_rng(0)))
    shuffled = PairBatches(two_robots, SETTINGS, ("train",), controls=AblationSettings(control="actions_shuffled"))
    batch = next(shuffled.epoch(np.random.default_rng(0)))

    assert batch.action is not None
    assert plain.action is not None
    np.testing.assert_array_equal(np.isnan(batch.action), np.isnan(plain.action))
    assert (np.nan_to_num(batch.action) != np.nan_to_num(plain.action)).any(axis=1).all()
    np.testing.assert_array_equal(np.sort(batch.action, axis=0), np.sort(plain.action, axis=0))


def test_an_action_that_both_have_needs_one_space(tmp_path: Path) -> None:
    write_robot(tmp_path / "panda", PANDA, posed=True)
    write_robot(tmp_path / "so101", SO101, posed=True, seed=1)
    data = PreparedData.open(tmp_path)

    (space,) = batches_of(data).spaces

    assert space.space.name == "object_pose"
    joints = batches_of(data, replace(SETTINGS, action_space="joints"))
    assert [each.space.components for each in joints.spaces] == [PANDA, SO101]


def test_turned_objects_and_the_joints_of_a_robot_are_two_spaces(tmp_path: Path) -> None:
    write_robot(tmp_path / "posed", SO101, posed=True)
    write_robot(tmp_path / "panda", PANDA, seed=1)

    spaces = batches_of(PreparedData.open(tmp_path / "posed", tmp_path / "panda")).spaces

    assert [each.space.name for each in spaces] == ["object_pose", "joints"]


def test_two_turntables_with_columns_of_their_own_are_two_spaces(tmp_path: Path) -> None:
    for number, columns in enumerate((("table_deg",), ("table_deg", "tilt_deg"))):
        with PreparedWriter(tmp_path / f"{number}", 16) as writer:
            rng = np.random.default_rng(number)
            for episode in range(3):
                writer.append_frames(rng.integers(0, 256, (20, 16, 16, 3), np.uint8))
                turns = np.cumsum(rng.uniform(0, 20, (20, len(columns))), axis=0)
                states = EpisodeStates(np.arange(20), recorded_names=columns, recorded=turns)
                writer.add_episode(f"{number}", f"{episode}", f"cup_{number}{episode}", "cup", "train", states)
            writer.finish(f"{number}")

    batches = batches_of(PreparedData.open(tmp_path))

    assert [(each.space.name, each.space.components) for each in batches.spaces] == [
        ("recorded", ("table_deg",)),
        ("recorded", ("table_deg", "tilt_deg")),
    ]


def test_robots_within_one_folder_are_told_apart_by_their_joints(tmp_path: Path) -> None:
    with PreparedWriter(tmp_path / "both", 16) as writer:
        add_episodes(writer, PANDA, episodes=3, frames=20, seed=0)
        add_episodes(writer, SO101, episodes=3, frames=20, seed=1)
        add_episodes(writer, PANDA[:5], episodes=1, frames=20, seed=2)  # two joints were not received
        writer.finish("both")
    data = PreparedData.open(tmp_path / "both")

    found = choose_spaces(data, data.indices(("train",)), SETTINGS)

    assert [space.components for space in found.spaces] == [PANDA, SO101]
    np.testing.assert_array_equal(found.of_frame, np.repeat([0, 1, -1], [60, 60, 20]))


def test_each_robot_has_some_of_the_named_joints(two_robots: PreparedData) -> None:
    kept = replace(SETTINGS, action_space="joints", action_components=("-panda_joint7", "-wrist_roll"))
    assert [each.space.components for each in batches_of(two_robots, kept).spaces] == [PANDA[:6], SO101[:4]]


def test_known_spaces_come_first_and_stay(two_robots: PreparedData) -> None:
    known = ActionSpace("joints", components=SO101), ActionSpace("end_effector", components=("rotation",))
    found = choose_spaces(two_robots, two_robots.indices(("train",)), SETTINGS, known)
    assert found.spaces == (*known, ActionSpace("joints", components=PANDA))
    np.testing.assert_array_equal(found.of_frame, np.repeat([2, 0], [120, 60]))


def test_pictures_without_any_action_are_refused_beside_a_robot(tmp_path: Path) -> None:
    write_robot(tmp_path / "panda", PANDA)
    with PreparedWriter(tmp_path / "pictures", 16) as writer:
        for number in range(6):
            writer.append_frames(np.zeros((20, 16, 16, 3), np.uint8))
            writer.add_episode("", f"{number}", f"bowl_{number}", "bowl", "train", EpisodeStates(np.arange(20)))
        writer.finish("pictures")
    with pytest.raises(DataError, match=r"pictures has no frame with all parts of the action .*Leave it out"):
        batches_of(PreparedData.open(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "sie"}, r"these data have 2 action spaces .* but sie can be trained with one"),
        ({"batch": 32, "accumulate": 16}, r"only 1\.3 pairs of each part have the action joints \(panda_joint1"),
        ({"flip_probability": 0.5}, r"actions of joints .* cannot be mirrored"),
        ({"same_action": 0.0, "action_components": ("-thumb",)}, "no component 'thumb'"),
    ],
)
def test_what_cannot_be_trained_is_refused(two_robots: PreparedData, changes: dict, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        batches_of(two_robots, replace(SETTINGS, action_space="joints", **changes))


def test_data_that_are_given_again_have_the_spaces_that_they_had(tmp_path: Path) -> None:
    write_robot(tmp_path / "joints", PANDA)
    write_robot(tmp_path / "posed", PANDA, seed=1, posed=True)
    data = PreparedData.open(tmp_path / "joints", tmp_path / "posed")
    frames = data.indices(("train",))
    first = choose_spaces(data, frames, SETTINGS)
    assert [space.name for space in first.spaces] == ["joints", "object_pose"]
    again = choose_spaces(data, frames, SETTINGS, first.spaces)
    assert again.spaces == first.spaces
    np.testing.assert_array_equal(again.of_frame, first.of_frame)
