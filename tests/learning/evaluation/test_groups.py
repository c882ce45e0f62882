"""Measures of views, actions and structure by `evaluate`, and its notes if it cannot take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.evaluation.action import TrainedActions
from aassl_ros.learning.evaluation.evaluate import EvaluatedEncoder, EvaluationSettings, evaluate
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_of
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.heads import ActionHead, JointHead
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.run_folder import begin
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

SIZE, FRAMES, VIEWS = 8, 12, 4
SETTINGS = EvaluationSettings(few_shot_draws=2, baselines=False, turns="degrees:5:90", device="cpu")
TRAIN = [(f"{kind}_{index}", kind, "train") for kind in ("bar", "box") for index in range(6)]
TEST = [(f"{kind}_{index}", kind, "test") for kind in ("bar", "box") for index in range(50, 54)]
Rows = list[tuple[str, str, str]]


def pictures(category: str, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The upper half tells the category, the brightness of the last row what is `shown`, 0 to 1."""
    images = rng.integers(0, 20, (len(shown), SIZE, SIZE, 3), dtype=np.uint8)
    images[:, slice(0, 2) if category == "bar" else slice(2, 4)] += 200
    images[:, -1] = (255 * shown).round().astype(np.uint8)[:, None, None]
    return images


def write(path: Path, rows: Rows = TRAIN + TEST, *, frames: int = FRAMES, poses: bool = True) -> PreparedData:
    """Objects that turn about the optical axis by angles up to 90 degrees, drawn anew for each frame."""
    rng = np.random.default_rng(0)
    with PreparedWriter(path, SIZE) as writer:
        for instance, category, instance_set in rows:
            angle = rng.uniform(0, np.pi / 2, frames)
            writer.append_frames(pictures(category, angle / (np.pi / 2), rng))
            pose = np.zeros((frames, 7))
            pose[:, 2], pose[:, 5], pose[:, 6] = 0.5, np.sin(angle / 2), np.cos(angle / 2)
            states = EpisodeStates(np.arange(frames) * 10**8, object_pose=pose if poses else None)
            writer.add_episode("r", instance, instance, category, instance_set, states)
        writer.finish("groups")
    return PreparedData.open(path)


def write_views(
    data: PreparedData,
    rows: Rows = TEST,
    *,
    frames: int = VIEWS,
    size: int = SIZE,
    names: tuple[str, ...] = ("front", "left", "back", "right"),
) -> None:
    rng = np.random.default_rng(1)
    with PreparedWriter(data.path / "views", size) as writer:
        for instance, category, instance_set in rows:
            images = pictures(category, np.linspace(0, 1, frames), rng)
            writer.append_frames(np.zeros((frames, size, size, 3), np.uint8) if size != SIZE else images)
            writer.add_episode("r", instance, instance, category, instance_set, EpisodeStates(np.arange(frames)))
        writer.finish("views", facts={"view_names": names, "view_grid": [[0, 0, 0, 1]] * len(names)})


class Brightness(nn.Module):
    """Features float [N, 8]: the brightness of each row of the picture."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 3))


class Knowing(Alignment):
    """Joint embeddings that read the turn off the features' last entry, and actions laid out alike: on a circle."""

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__(JointHead(1, "concat"), ActionHead(3, 1))
        self.median, self.scale = (torch.from_numpy(part) for part in (normalisation.median, normalisation.scale))

    def embed(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        read = np.pi / 2 * (pairs.second - pairs.first)[:, -1]
        done = (pairs.action * self.scale + self.median)[:, 2]
        return torch.stack([read.cos(), read.sin()], 1), torch.stack([done.cos(), done.sin()], 1)

    def forward(self, pairs: Pairs) -> Tensor:
        joint, action = self.embed(pairs)
        return (joint - action).square().sum()


def evaluated(trained: TrainedActions | None = None, instances: tuple[str, ...] = ("bar_0",)) -> EvaluatedEncoder:
    return EvaluatedEncoder("aa_simclr", 0, Brightness(), lambda images: images.permute(0, 3, 1, 2) / 255, instances,
                   Brightness, trained)  # fmt: skip


def trained_actions(
    data: PreparedData, space: ActionSpace, method: str = "aa_simclr", *, knowing: bool = False
) -> TrainedActions:
    """Heads that were never trained, or, `knowing`, ones that know."""
    normalisation = Normalisation(np.zeros(space.size(data), np.float32), np.ones(space.size(data), np.float32))
    settings = LearnerSettings(method=method, width=4, stem="small", image_size=SIZE, batch=32, device="cpu")

    def learner(device: str) -> Learner:
        made = Learner(settings, space.size(data))
        if knowing:
            made.objective["action"] = Knowing(normalisation)
        return made

    return TrainedActions(space.resolved(data), normalisation, learner)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    found = write(tmp_path_factory.mktemp("groups") / "data")
    write_views(found)
    return found


TURN = ActionSpace("object_pose", "vector", ("rotation",))


def test_views_have_an_accuracy_each_and_an_alignment_beside_chance_and_a_random_encoder(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("views",), baselines=True)).to_json()

    assert found["per_view"] == {name: {"probe": 1, "knn": 1} for name in ("front", "left", "back", "right")}
    alignment = found["alignment"]
    assert alignment["viewpoint"] > 0.1
    assert alignment["same_view_neighbour"] == 1
    assert alignment["category_separation"] > 0.5
    assert alignment["chance"]["same_view_neighbour"] == 0.25
    assert alignment["random_encoder"]["viewpoint"] == pytest.approx(alignment["viewpoint"])  # is the same here
    assert "probe" not in found
    assert "baselines" not in found


def test_what_the_heads_know_is_retrieved_and_with_other_images_it_is_at_chance(data: PreparedData) -> None:
    known = trained_actions(data, TURN, knowing=True)

    found = evaluate(evaluated(known), data, replace(SETTINGS, measures=("action",))).to_json()["action"]

    assert found["candidates"] == 8 * FRAMES
    assert found["hit_at_1"] > 0.9
    assert 1 / 96 <= found["chance_hit_at_1"] < 0.06  # turns of a degree more or less are the same
    assert found["shuffled_hit_at_1"] == pytest.approx(found["chance_hit_at_1"], abs=0.07)
    assert found["chance_hit_at_1"] < found["chance_mrr"] < found["chance_hit_at_5"] < found["hit_at_5"] <= 1
    assert -1 <= found["gradient_cosine"] <= 1


def test_heads_are_evaluated_with_the_encoder_of_their_training_not_with_its_average(
    data: PreparedData, tmp_path: Path
) -> None:
    settings = TrainSettings(width=4, stem="small", batch=32, epochs=2, lr=0.01, device="cpu")
    retrieved = []
    for ema in (0.0, 0.9):  # an average changes nothing in what is learnt
        run = tmp_path / str(ema)
        begin(run)
        Trainer(data, run, replace(settings, ema=ema)).train(lambda progress: None, lambda: False)
        found = evaluate(evaluated_encoder_of(load_checkpoint(run)), data, replace(SETTINGS, measures=("action",)))
        retrieved.append(found.to_json()["action"]["mrr"])
    assert retrieved[0] == pytest.approx(retrieved[1])


@pytest.mark.parametrize("method", ["aa_byol", "aa_mocov3", "aa_vicreg", "aa_barlow"])
@pytest.mark.parametrize("space", [TURN, ActionSpace("time")])
def test_heads_that_were_never_trained_retrieve_at_chance(data: PreparedData, method: str, space: ActionSpace) -> None:
    heads = trained_actions(data, space, method)
    learner = heads.learner("cpu")
    whole = replace(evaluated(heads), encoder=learner.encoder, normalise=learner.augmentation.plain)

    found = evaluate(whole, data, replace(SETTINGS, measures=("action",)))

    assert found.action is not None
    assert found.action.gradient_cosine is not None
    assert found.action.retrieved is not None
    assert found.action.retrieved.found.hit_at_1 < found.action.retrieved.by_chance.hit_at_1 + 0.12


def test_the_rotation_is_predicted_from_features_that_contain_it_for_every_method(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("action",))).to_json()["action"]

    assert set(found) == {"rotation_r2", "rotation_r2_kernel", "rotation_of"}
    assert found["rotation_r2"] > 0.95
    assert found["rotation_r2_kernel"] > 0.8
    assert found["rotation_of"] == "object_pose"


def test_structure_is_of_train_features_and_of_test_frames_in_time(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("structure",))).to_json()["structure"]

    assert 1 < found["rankme"] < found["dimension"] == 8
    assert found["consistency"]["neighbours"] > found["consistency"]["random_pairs"]  # the category stays


def test_every_frame_is_embedded_once(data: PreparedData) -> None:
    seen: list[tuple[int, int]] = []

    evaluate(evaluated(trained_actions(data, TURN, knowing=True)), data, replace(SETTINGS, frames_per_episode=5),
             progress=lambda *now: seen.append(now))  # fmt: skip

    assert seen[-1][0] == seen[-1][1] <= len(data) + len(TEST) * VIEWS


def test_a_picture_has_a_point_a_frame(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("structure",)), picture=True).picture

    assert found is not None
    assert found.points.shape == (len(data), 2)
    assert set(found.categories) == {"bar", "box"}
    assert found.trained_on.sum() == len(TRAIN) * FRAMES


def test_a_picture_of_the_grid_has_the_view_of_each_point(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("views",)), picture=True).view_picture

    assert found is not None
    assert found.points.shape == (len(TEST) * VIEWS, 2)
    assert {found.views.count(view) for view in set(found.views)} == {len(TEST)}


def test_a_note_says_how_to_make_views(tmp_path: Path) -> None:
    found = evaluate(evaluated(), write(tmp_path / "data"), replace(SETTINGS, measures=("views",)))

    assert found.views is None
    assert any("views does not exist. aassl synth makes it" in note for note in found.notes)


def test_the_validation_split_does_not_use_the_views_of_test_objects(data: PreparedData) -> None:
    found = evaluate(evaluated(instances=()), data, SETTINGS, split="val")

    assert found.views is None
    assert any("they show test objects" in note for note in found.notes)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"names": ("front", "front", "back", "right")}, "expected different names"),
        ({"names": ()}, r"names its views \[\]"),
        ({"frames": 3}, "has 3 frames, expected one for each of 4 views"),
        ({"size": 16}, "frames of 16 px"),
        ({"rows": [("bar_0", "bar", "test")]}, r"trained on 1 of the views objects \(bar_0\)"),
    ],
)
def test_a_folder_that_is_not_a_grid_of_views_is_refused(tmp_path: Path, grid: dict, message: str) -> None:
    data = write(tmp_path / "data")
    write_views(data, **grid)

    with pytest.raises(DataError, match=message):
        evaluate(evaluated(), data, replace(SETTINGS, measures=("views",)))


def test_view_objects_of_other_categories_are_left_out_and_noted(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    write_views(data, [*TEST, ("cup_1", "cup", "test")])

    found = evaluate(evaluated(), data, replace(SETTINGS, measures=("views",)))

    assert found.views is not None
    assert "1 objects of the views have no category of the train set" in found.notes


def test_data_without_poses_have_no_rotations_and_no_such_actions_and_say_so(tmp_path: Path) -> None:
    with_poses = write(tmp_path / "poses")
    data = write(tmp_path / "data", poses=False)

    found = evaluate(evaluated(trained_actions(with_poses, TURN)), data, replace(SETTINGS, measures=("action",)))

    assert found.to_json()["action"] == {}
    assert "no R2 of rotations: neither the object's nor the tip's pose is known in both splits" in found.notes
    assert any(note.startswith("actions were not retrieved: no pair") for note in found.notes)
    assert any(note.startswith("no cosine of gradients") for note in found.notes)


def test_episodes_of_one_frame_have_no_pairs_and_say_so(tmp_path: Path) -> None:
    data = write(tmp_path / "data", frames=1)

    found = evaluate(evaluated(trained_actions(data, TURN)), data, SETTINGS)

    assert found.category is not None
    assert found.to_json()["action"] == {}
    assert found.to_json()["structure"].keys() == {"rankme", "dimension"}
    assert "no consistency in time: each test episode has only one frame" in found.notes
    assert any(note.startswith("actions were not retrieved: no pair") for note in found.notes)
    assert any(note.startswith("no R2 of rotations: no pair") for note in found.notes)


@pytest.mark.parametrize("wrong", [{"measures": ()}, {"turns": "degrees"}])
def test_settings_that_mean_nothing_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError):
        EvaluationSettings(**wrong)
