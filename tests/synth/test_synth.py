"""Synthetic data repeat for a seed, have correct poses, and reveal the category only by shape."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from aassl_ros.cli.main import main
from aassl_ros.data.pairs.actions import choose_action_space
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import DataError
from aassl_ros.motion.rotations import angle_between, to_matrix
from aassl_ros.sim.catalogue import Catalogue
from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.synth.household_settings import HouseholdSettings
from aassl_ros.synth.make import synthesize
from aassl_ros.synth.plan import AnySettings, count_frames, plan
from aassl_ros.synth.scenery import FOV_DEG
from aassl_ros.synth.settings import SynthSettings

TINY = {"categories": 2, "instances": 2, "test_instances": 1, "views": 6, "image_size": 16, "jobs": 1}
STILL = {"background": "plain", "texture": 0.0, "lighting": 0.0, "camera": 0.0}
GRAY = 128


def make(out: Path, **changed: object) -> PreparedData:
    synthesize(out, SynthSettings(**{**TINY, **changed}))
    return PreparedData.open(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_seed_gives_the_same_data_whatever_the_number_of_processes(tmp_path: Path) -> None:
    make(tmp_path / "one", jobs=1, seed=4)
    make(tmp_path / "two", jobs=2, seed=4)
    make(tmp_path / "other", jobs=1, seed=5)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one")["frames.uint8"] != contents(tmp_path / "other")["frames.uint8"]


def test_train_and_test_share_no_object_and_have_the_right_number_of_episodes(tmp_path: Path) -> None:
    data = make(tmp_path / "data", episodes=3, test_episodes=2)

    assert data.categories == tuple(sorted(CATEGORIES)[:2])
    assert not set(data.instances(("train",))) & set(data.instances(("test",)))
    assert [row.set for row in data.episodes] == ["train"] * 12 + ["test"] * 4
    assert len({row.id for row in data.episodes}) == 16
    assert {row.stop - row.start for row in data.episodes} == {6}
    assert choose_action_space(data) == "object_pose"


def test_more_training_objects_do_not_change_the_others(tmp_path: Path) -> None:
    few, more = make(tmp_path / "few"), make(tmp_path / "more", instances=3)

    np.testing.assert_array_equal(few.frames[few.indices(("test",))], more.frames[more.indices(("test",))])
    np.testing.assert_array_equal(few.frames[: 4 * 2 * 6], more.frames[: 4 * 2 * 6])


def test_objects_rotate_freely_by_steps_of_the_given_size(tmp_path: Path) -> None:
    data = make(tmp_path / "data", views=30, instances=8, least_turn_deg=12.0, most_turn_deg=15.0)

    turns = [data.object_pose[row.start : row.stop, 3:] for row in data.episodes]
    steps = np.degrees(np.concatenate([angle_between(turn[:-1], turn[1:]) for turn in turns]))
    assert steps.min() > 12.0 - 1e-6
    assert steps.max() < 15.0 + 1e-6
    ups = np.array([to_matrix(turn[0])[:, 2] for turn in turns])
    assert np.abs(ups.mean(axis=0)).max() < 0.35  # any way up
    axes = [np.cross(up[:-1], up[1:]) for up in (to_matrix(turn)[:, :, 2] for turn in turns)]
    assert max(np.ptp(axis, axis=0).max() for axis in axes) > 0.1  # the axis drifts
    assert np.all(np.diff(data.stamps_ns[data.episode_of == 0]) == 100_000_000)


def test_poses_agree_with_the_pictures(tmp_path: Path) -> None:
    data = make(tmp_path / "data", image_size=48, **STILL)
    catalogue = Catalogue(0)

    focal = 24 / np.tan(np.radians(FOV_DEG) / 2)
    for row in data.episodes:
        points = np.concatenate([part.mesh.vertices for part in catalogue.find(row.instance).meshes])
        for frame, pose in zip(data.frames[row.start : row.stop], data.object_pose[row.start : row.stop], strict=True):
            seen = points @ to_matrix(pose[3:]).T + pose[:3]
            pixels = np.clip(np.floor(focal * seen[:, :2] / seen[:, 2:] + 24), 0, 47)
            rows, columns = np.nonzero(np.any(frame != GRAY, axis=2))
            np.testing.assert_allclose([columns.min(), rows.min()], pixels.min(axis=0), atol=2.0)
            np.testing.assert_allclose([columns.max(), rows.max()], pixels.max(axis=0), atol=2.0)


@pytest.mark.parametrize("background", ["constant", "changing", "plain"])
def test_the_background_is_constant_or_changes_according_to_its_setting(tmp_path: Path, background: str) -> None:
    data = make(tmp_path / "data", background=background, camera=0.0)

    corners = data.frames[:, [0, 0, -1, -1], [0, -1, 0, -1]].astype(int)  # the object is in the middle
    within = [np.ptp(corners[row.start : row.stop], axis=0).max() for row in data.episodes]
    between = np.ptp(corners[[row.start for row in data.episodes]], axis=0).max()
    if background == "changing":
        assert min(within) > 20
    else:
        assert max(within) == 0
    assert (between == 0) == (background == "plain")


def test_neither_colour_nor_pattern_reveals_the_category(tmp_path: Path) -> None:
    data = make(
        tmp_path / "data", categories=8, instances=24, test_instances=0, episodes=1, views=2, background="plain"
    )

    looks, labels = [], []
    for row in data.episodes:
        frames = data.frames[row.start : row.stop].astype(float)
        seen = frames[np.abs(frames - GRAY).max(axis=3) > 8]
        looks.append(np.concatenate([seen.mean(axis=0), seen.std(axis=0)]))
        labels.append(row.category)
    looks = (looks - np.mean(looks, axis=0)) / np.std(looks, axis=0)
    accuracy = cross_val_score(KNeighborsClassifier(5), looks, labels, cv=4).mean()

    # 192 objects of 8 categories: chance is 0.125, its standard error 0.024.
    assert accuracy < 0.125 + 3 * 0.024


def test_the_view_grid_shows_each_whole_test_object_from_the_same_directions(tmp_path: Path) -> None:
    make(tmp_path / "data", categories=len(CATEGORIES), instances=1, views=2, image_size=48)
    views = PreparedData.open(tmp_path / "data" / "views")
    count = len(views.facts["view_names"])

    assert views.instances() == PreparedData.open(tmp_path / "data").instances(("test",))
    assert {row.stop - row.start for row in views.episodes} == {count} == {len(views.facts["view_grid"])}
    assert {"face", "side", "three-quarter"} < set(views.facts["view_names"])
    poses = views.object_pose.reshape(-1, count, 7)
    np.testing.assert_array_equal(poses, np.broadcast_to(poses[:1], poses.shape))
    np.testing.assert_allclose(poses[0, :, 3:], views.facts["view_grid"])
    edges = np.concatenate([views.frames[:, [0, -1]].reshape(-1), views.frames[:, :, [0, -1]].reshape(-1)])
    assert np.all(edges == GRAY)


def test_without_variation_objects_of_a_category_have_one_shape(tmp_path: Path) -> None:
    data = make(tmp_path / "data", variation=0.0, instances=1, test_instances=3, **STILL)
    views = PreparedData.open(data.path / "views")

    shapes = np.any(views.frames != GRAY, axis=3).reshape(3, 2, -1)  # instance, category
    assert np.all(shapes[0] == shapes[1])
    assert np.any(shapes[:, 0] != shapes[:, 1])


def test_the_same_settings_again_do_no_work_but_other_settings_do(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["synth", "-o", str(tmp_path / "data"), "--json"]
    for name, value in TINY.items():
        words += ["--" + name.replace("_", "-"), str(value)]

    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["already_there"], first["frames"], first["views"]) == (False, 60, 24)
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] is True
    assert main([*words, "--seed", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] is False


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interruption_leaves_what_was_there(tmp_path: Path, jobs: int) -> None:
    make(tmp_path / "data")
    before = contents(tmp_path)

    def interrupt(done: int, total: int) -> None:
        if done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "data", SynthSettings(**{**TINY, "seed": 1, "jobs": jobs}), progress=interrupt)

    assert contents(tmp_path) == before
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--categories", "99"], f"categories = 99, expected an integer from 1 to {len(CATEGORIES)}"),
        (["--background", "blue"], "background = 'blue', expected one of constant, changing, plain"),
        (["--least-turn-deg", "30"], "least_turn_deg = 30, expected at most most_turn_deg = 20"),
        (["--views", "1"], "views = 1, expected an integer from 2 to 1000"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["synth", "-o", str(tmp_path / "data"), *words]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(DataError, match="contains other files"):
        synthesize(tmp_path, SynthSettings(**TINY))
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_data_of_another_source_are_replaced_only_by_force(tmp_path: Path) -> None:
    with PreparedWriter(tmp_path / "data", TINY["image_size"]) as writer:
        writer.append_frames(np.zeros((1, TINY["image_size"], TINY["image_size"], 3), np.uint8))
        writer.add_episode("arm", "1", "cup", "mug", "train", EpisodeStates(stamps_ns=[1]))
        writer.finish("recorded")

    with pytest.raises(DataError, match="prepared data of another source"):
        synthesize(tmp_path / "data", SynthSettings(**TINY))
    assert PreparedData.open(tmp_path / "data").fingerprint == "recorded"
    synthesize(tmp_path / "data", SynthSettings(**TINY), force=True)
    assert PreparedData.open(tmp_path / "data").fingerprint != "recorded"


@pytest.mark.parametrize(
    "settings",
    [
        SynthSettings(**TINY),
        HouseholdSettings(categories=3, instances=2, views=5, test_instances=4, test_views=3, other_categories=2),
    ],
)
def test_the_count_of_frames_is_the_plans(settings: AnySettings) -> None:
    assert count_frames(settings) == sum(task.frames for task in plan(settings))


def test_data_that_do_not_fit_on_the_disk_are_refused_before_any_work(tmp_path: Path) -> None:
    settings = SynthSettings(instances=5000, episodes=1000, views=1000, image_size=512)

    with pytest.raises(DataError, match=r"needs \d+\.\d GB, .* reduce --instances"):
        synthesize(tmp_path / "data", settings)
    assert not list(tmp_path.iterdir())
