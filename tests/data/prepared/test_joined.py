"""Several folders of prepared data are read as one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.pairs import PairSampler, parse_window, turn_angle
from aassl_ros.data.prepared import EpisodeStates, PreparedData, PreparedWriter
from aassl_ros.data.prepared.joined_frames import JoinedFrames
from aassl_ros.errors import DataError

SIZE = 8


@dataclass(frozen=True)
class Made:
    """What a folder of the tests contains: one episode of each instance."""

    instances: tuple[str, ...] = ("mug_1",)
    category: str = "mug"
    set: str = "train"
    first: int = 0  # the shade of its first frame, and the number of its first episode
    count: int = 3
    size: int = SIZE
    joints: tuple[str, ...] = ("a",)
    continuous: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()


def write(path: Path, made: Made) -> Path:
    with PreparedWriter(path, made.size) as writer:
        shade = made.first
        for number, instance in enumerate(made.instances, start=made.first):
            stamps = np.arange(made.count) + 1
            for _ in stamps:
                writer.append_frames(np.full((made.size, made.size, 3), shade, np.uint8))
                shade += 1
            joints = np.full((made.count, len(made.joints)), float(made.first))
            recorded = {"recorded_names": made.recorded, "recorded": np.ones((made.count, len(made.recorded)))}
            states = EpisodeStates(stamps, made.joints, joints, **(recorded if made.recorded else {}))
            writer.add_episode("robot", f"id{number}", instance, made.category, made.set, states)
        return writer.finish(f"{made}", continuous_joints=made.continuous)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    write(tmp_path / "all" / "one", Made(("mug_1", "mug_2"), joints=("a", "b"), continuous=("b",)))
    write(tmp_path / "all" / "two", Made(("cup_1",), "cup", first=10, joints=("b", "c"), continuous=("b",)))
    return tmp_path / "all" / "one", tmp_path / "all" / "two"


def test_frames_states_and_episodes_follow_each_other(two: tuple[Path, Path]) -> None:
    data = PreparedData.open(*two)

    assert (len(data), data.image_size, data.categories) == (9, SIZE, ("cup", "mug"))
    assert data.frames[np.arange(9)][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12]
    assert [(row.instance, row.start, row.stop) for row in data.episodes] == [
        ("mug_1", 0, 3),
        ("mug_2", 3, 6),
        ("cup_1", 6, 9),
    ]
    assert data.episode_of.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert (data.joint_names, data.continuous_joints) == (("a", "b", "c"), ("b",))
    np.testing.assert_array_equal(data.joint_position[[0, 8]], [[0, 0, np.nan], [np.nan, 10, 10]])
    assert [(folder.path, folder.start, folder.stop) for folder in data.folders] == [(two[0], 0, 6), (two[1], 6, 9)]


def test_a_folder_of_folders_is_the_same_as_its_folders(two: tuple[Path, Path]) -> None:
    together, one_by_one = PreparedData.open(two[0].parent), PreparedData.open(*two)

    assert together.fingerprint == one_by_one.fingerprint != PreparedData.open(two[0]).fingerprint
    assert together.path == two[0].parent
    assert PreparedData.open(two[0], two[0]).fingerprint == PreparedData.open(two[0]).fingerprint


def test_pairs_stay_within_an_episode_of_one_folder(two: tuple[Path, Path]) -> None:
    data = PreparedData.open(*two)
    sampler = PairSampler(data, data.indices(("train",)), parse_window("episode"))

    pairs = list(sampler.epoch(np.random.default_rng(0), 3))

    first, second = np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])
    assert sorted(first.tolist()) == list(range(9))
    assert (data.episode_of[first] == data.episode_of[second]).all()


@pytest.mark.parametrize(
    "wanted",
    [4, -1, slice(None), slice(2, 8, 2), slice(8, 2, -3), np.array([8, 0, 6, 0]), [5, 6], np.array([[0, 8], [-1, 3]]),
     np.arange(9) % 2 == 0, np.array([], np.int64), (slice(None), 0, 0), (3, 0, slice(1, 3)), np.int64(7)],
    ids=str,
)  # fmt: skip
def test_frames_are_indexed_as_an_array_is(two: tuple[Path, Path], wanted: Any) -> None:
    data = PreparedData.open(*two)
    array = np.concatenate([PreparedData.open(path).frames[:] for path in two])

    np.testing.assert_array_equal(data.frames[wanted], array[wanted])


@pytest.mark.parametrize("wanted", [9, -10, [0, 9]])
def test_a_frame_that_is_not_there_is_an_index_error(two: tuple[Path, Path], wanted: Any) -> None:
    with pytest.raises(IndexError, match="of 9"):
        PreparedData.open(*two).frames[wanted]


def mapped() -> str:
    return Path(f"/proc/{os.getpid()}/maps").read_text()


def test_files_are_mapped_and_only_those_that_are_read(two: tuple[Path, Path]) -> None:
    frames = PreparedData.open(*two).frames

    assert isinstance(frames, JoinedFrames)
    assert str(two[0]) not in mapped()
    assert frames[7, 0, 0, 0] == 11
    assert frames.opened == (False, True)
    assert f"{two[1]}/frames.uint8" in mapped()
    assert f"{two[0]}/frames.uint8" not in mapped()


def test_an_object_in_two_folders_is_one_object(tmp_path: Path) -> None:
    paths = [write(tmp_path / "one", Made()), write(tmp_path / "two", Made(first=10))]

    data = PreparedData.open(*paths)

    assert data.instances() == ("mug_1",)
    assert len(data.indices(without_instances=("mug_1",))) == 0


def test_an_episode_that_goes_on_in_another_folder_is_allowed(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", Made()), tmp_path / "two"
    with PreparedWriter(two, SIZE) as writer:
        writer.append_frames(np.zeros((2, SIZE, SIZE, 3), np.uint8))
        writer.add_episode("robot", "id0", "mug_1", "mug", "train", EpisodeStates([10, 11]))
        writer.finish("later")

    assert len(PreparedData.open(one, two).episodes) == 2


def test_recorded_quantities_of_one_folder_are_unknown_in_the_other(tmp_path: Path) -> None:
    made = Made(recorded=("table_deg", "focal")), Made(first=10, recorded=("focal", "lamp_rad"))
    data = PreparedData.open(*(write(tmp_path / f"{each.first}", each) for each in made))

    assert data.recorded_names == ("table_deg", "focal", "lamp_rad")
    assert data.recorded.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(data.recorded), [[False, False, True]] * 3 + [[True, False, False]] * 3)
    # Each frame has one angle, so the size of a turn is known.
    np.testing.assert_array_equal(turn_angle(data, np.array([0, 3]), np.array([1, 4])), [0, 0])
    assert np.isnan(turn_angle(data, np.array([0]), np.array([4]))).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Made(first=1, size=16), r"one has frames of 8 px, .*two of 16 px\. Prepare both with the same --image-size"),
        (Made(first=1, category="cup"), r"object mug_1 has the category mug in .*one and cup in .*two\. Rename"),
        (Made(first=1, set="test"), r"object mug_1 is in the set train in .*one, but in test in .*two\. Rename"),
        (Made(count=2), r"one and .*two contain the same episode id0 of robot\. Leave out one"),
        (Made(first=1, continuous=("a",)), r"joint a is continuous in .*two, but not in .*one\. Prepare them together"),
        (Made(), r"one and .*two contain the same data\. Leave out one of them"),
        (Made((), first=1), r"two contains no frames\. Leave it out"),
    ],
    ids=["size", "category", "set", "episode", "continuous", "twice", "empty"],
)
def test_folders_that_do_not_fit_are_named(tmp_path: Path, other: Made, message: str) -> None:
    paths = [write(tmp_path / "one", Made()), write(tmp_path / "two", other)]
    with pytest.raises(DataError, match=message) as raised:
        PreparedData.open(*paths)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "frames.uint8").write_bytes(b"few"), "two/frames.uint8 has 3 bytes"),
        (lambda path: (path / "prepared.json").write_text("{"), "two/prepared.json is damaged"),
        (lambda path: (path / "prepared.json").unlink(), "two contains no prepared data"),
    ],
)
def test_the_error_names_the_damaged_folder(
    two: tuple[Path, Path], damage: Callable[[Path], Any], message: str
) -> None:
    damage(two[1])
    with pytest.raises(DataError, match=message):
        PreparedData.open(*two)
