"""The household set repeats for a seed, has true poses and distinct categories; colour and background help little."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from aassl_ros.cli.main import main
from aassl_ros.data.pairs.actions import choose_action_space
from aassl_ros.data.prepared.data import OTHER, VIEWS, PreparedData
from aassl_ros.motion.rotations import from_rotation_vector, multiply, random_quaternion, to_matrix
from aassl_ros.sim.household.categories import HOUSEHOLD, OTHERS
from aassl_ros.sim.household.gripper import draw_grasps, draw_gripper
from aassl_ros.sim.household.materials import MATERIALS
from aassl_ros.sim.household.objects import Looks, make_object
from aassl_ros.sim.household.prints import draw_print
from aassl_ros.sim.household.renderer import HouseholdRenderer
from aassl_ros.sim.tiny_renderer import Lamp
from aassl_ros.synth.household_settings import QUICK, HouseholdSettings
from aassl_ros.synth.make import synthesize
from aassl_ros.synth.scenery import FOV_DEG, NEUTRAL_LAMP
from aassl_ros.synth.view_grid import view_poses

TINY = {
    **QUICK, "categories": 2, "instances": 2, "test_instances": 1, "other_categories": 1, "other_instances": 1,
    "image_size": 24, "jobs": 1,
}  # fmt: skip
STILL = {"background": "plain", "texture": 0.0, "lighting": 0.0, "camera": 0.0, "occlusion": 0.0}
GRAY = 128
EVEN_LIGHT = Lamp(np.array([0.0, 0.0, -1.0]), ambient=1.0, diffuse=0.0, specular=0.0, colour=np.ones(3))


def make(out: Path, **changed: object) -> PreparedData:
    synthesize(out, HouseholdSettings(**{**TINY, **changed}))
    return PreparedData.open(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def renderer() -> Iterator[HouseholdRenderer]:
    with HouseholdRenderer(48) as renderer:
        yield renderer


def test_a_seed_gives_the_same_data_whatever_the_number_of_processes(tmp_path: Path) -> None:
    make(tmp_path / "one", seed=4)
    make(tmp_path / "two", jobs=2, seed=4)
    make(tmp_path / "other", seed=5, instances=1, test_instances=0, grid_instances=0, other_categories=0)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one")["frames.uint8"] != contents(tmp_path / "other")["frames.uint8"]


def test_the_sets_share_no_object_and_the_second_set_no_category(tmp_path: Path) -> None:
    data = make(tmp_path / "data")
    other, views = PreparedData.open(tmp_path / "data" / OTHER), PreparedData.open(tmp_path / "data" / VIEWS)

    assert not set(data.instances(("train",))) & set(data.instances(("test",)))
    assert not set(other.instances(("train",))) & set(other.instances(("test",)))
    assert not set(data.categories) & set(other.categories)
    assert len(data.instances(("train",))) == 4
    assert set(views.instances()) == set(data.instances(("test",)))
    for row in data.episodes:
        assert row.instance.startswith(row.category)
        assert row.stop - row.start == (4 if row.set == "train" else 3)
    assert choose_action_space(data) == "object_pose"


def test_there_are_forty_categories_and_none_of_them_is_in_the_second_set() -> None:
    assert len(HOUSEHOLD) >= 40
    assert len(OTHERS) >= 10
    assert not set(HOUSEHOLD) & set(OTHERS)
    for kind in (*HOUSEHOLD.values(), *OTHERS.values()):
        assert {name for names in kind.materials for name in names.split("|")} <= set(MATERIALS)
        for name in filter(None, kind.print.split("|")):
            assert max(np.ptp(draw_print(np.random.default_rng(seed), name)) for seed in range(3)) > 50


def test_poses_agree_with_the_pictures(tmp_path: Path) -> None:
    data = make(tmp_path / "data", image_size=64, **STILL)

    focal = 32 / np.tan(np.radians(FOV_DEG) / 2)
    for row in data.episodes:
        model = make_object(0, row.category, int(row.instance[-4:]), Looks(texture=0.0))
        points = np.concatenate([part.mesh.vertices for part in model.parts])
        for frame, pose in zip(data.frames[row.start : row.stop], data.object_pose[row.start : row.stop], strict=True):
            seen = points @ to_matrix(pose[3:]).T + pose[:3]
            pixels = np.clip(np.floor(focal * seen[:, :2] / seen[:, 2:] + 32), 0, 63)
            rows, columns = np.nonzero(np.any(np.abs(frame.astype(int) - GRAY) > 4, axis=2))
            np.testing.assert_allclose([columns.min(), rows.min()], pixels.min(axis=0), atol=3.0)
            np.testing.assert_allclose([columns.max(), rows.max()], pixels.max(axis=0), atol=3.0)


def test_the_recorded_rotation_turns_one_frame_into_another(renderer: HouseholdRenderer) -> None:
    """Prints and patterns turn with the object: about the camera's axis by half a turn, the picture is upside down."""
    renderer.set_gripper(None)
    start = random_quaternion(np.random.default_rng(2))
    half = multiply(from_rotation_vector(np.array([0.0, 0.0, np.pi])), start)
    poses = np.array([[0.0, 0.0, 0.4, *start], [0.0, 0.0, 0.4, *half]])
    for category in ("carton", "mug", "clock", "plate"):
        renderer.set_object(make_object(0, category, 3, Looks(texture=1.0)))
        rgba = renderer.render(poses, 40.0, [EVEN_LIGHT]).rgba.astype(int)
        alpha = rgba[..., 3]
        assert np.abs(alpha[0] - alpha[1][::-1, ::-1]).mean() < 4.0, category
        colours = np.abs(rgba[0, ..., :3] - rgba[1, ::-1, ::-1, :3])[(alpha[0] == 255) & (alpha[1][::-1, ::-1] == 255)]
        turned = np.abs(rgba[0, ..., :3] - rgba[1, ..., :3])[(alpha[0] == 255) & (alpha[1] == 255)]
        assert colours.mean() < 0.4 * turned.mean(), category


def test_every_category_has_an_outline_of_its_own(renderer: HouseholdRenderer) -> None:
    outlines = []
    renderer.set_gripper(None)
    for category in sorted(HOUSEHOLD):
        renderer.set_object(make_object(0, category, 0, Looks(variation=0.0)))
        views = renderer.render(view_poses()[[0, 2, 9, 18]], FOV_DEG, [NEUTRAL_LAMP])
        outlines.append(views.rgba[..., 3].reshape(-1) > 127)
        assert outlines[-1].any()
    outlines = np.array(outlines)
    for number, outline in enumerate(outlines):
        shared = (outlines & outline).sum(axis=1) / (outlines | outline).sum(axis=1)
        shared[number] = 0.0
        assert shared.max() < 0.93, (sorted(HOUSEHOLD)[number], sorted(HOUSEHOLD)[int(shared.argmax())])


def test_a_gripper_hides_a_part_of_the_object_and_does_not_turn_with_it(renderer: HouseholdRenderer) -> None:
    rng = np.random.default_rng(0)
    model = make_object(0, "ball", 1, Looks())
    poses = np.array([[0.0, 0.0, 0.45, *random_quaternion(rng)] for _ in range(12)])
    grasps = draw_grasps(rng, poses, model.radius, 1.0)
    renderer.set_object(model)
    renderer.set_gripper(None)
    free = renderer.render(poses, 40.0, [NEUTRAL_LAMP]).rgba[..., 3] > 127
    renderer.set_gripper(draw_gripper(rng, model.radius))
    held = renderer.render(poses, 40.0, [NEUTRAL_LAMP], grasps).rgba
    renderer.set_gripper(None)

    more = (held[..., 3] > 127).sum(axis=(1, 2)) - free.sum(axis=(1, 2))
    assert more.min() > 0  # the hand shows beside the object in each frame
    assert 2 <= len({tuple(np.round(grasp[3:], 6)) for grasp in grasps}) < 12  # some grasps, each for some frames


@pytest.mark.parametrize("background", ["changing", "constant"])
def test_the_background_changes_within_an_episode_unless_the_user_wants_the_shortcut(
    tmp_path: Path, background: str
) -> None:
    """Corners of frames of one episode are no more alike than those of different episodes."""
    data = make(
        tmp_path / "data",
        background=background,
        instances=8,
        views=2,
        test_instances=0,
        grid_instances=0,
        other_categories=0,
        occlusion=0.0,
        camera=0.0,
        clutter=0.8,
    )

    rows = [row for row in data.episodes if row.set == "train"]
    corners = data.frames[:, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(len(data.frames), -1).astype(float)
    first, second = (corners[[row.start + step for row in rows]] for step in (0, 1))
    distance = np.abs(first[:, None] - second[None]).mean(axis=2)
    within, between = np.diag(distance).mean(), distance[~np.eye(len(rows), dtype=bool)].mean()
    assert within < 0.3 * between if background == "constant" else within > 0.8 * between


def test_colour_names_few_categories() -> None:
    categories = sorted(HOUSEHOLD)[::6]
    looks, labels = [], []
    for category in categories:
        for index in range(12):
            model = make_object(0, category, index, Looks())
            looks.append(np.mean([part.material.colour for part in model.parts], axis=0))
            labels.append(category)
    accuracy = cross_val_score(KNeighborsClassifier(5), looks, labels, cv=4).mean()
    assert accuracy < 3.5 / len(categories)  # typical colours help somewhat, as in life


def test_the_command_makes_the_small_set_and_does_nothing_the_second_time(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["synth", "--household", "--quick", "-o", str(tmp_path / "data"), "--image-size", "24", "--jobs", "1",
             "--categories", "2", "--json"]  # fmt: skip
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["already_there"], first["categories"], first["other_categories"]) == (False, 2, 2)
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["already_there"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--occlusion", "0.5"], "--occlusion is possible only with --household"),
        (["--quick"], "--quick is possible only with --household"),
        (["--household", "--episodes", "2"], "--episodes is possible only without --household"),
        (["--household", "--categories", "99"], f"categories = 99, expected an integer from 1 to {len(HOUSEHOLD)}"),
        (["--household", "--grid-instances", "99"], "grid_instances = 99, expected at most test_instances"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["synth", "-o", str(tmp_path / "data"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
