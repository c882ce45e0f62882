from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.evaluate import EvaluatedEncoder, EvaluationSettings, evaluate
from aassl_ros.learning.readout.split import make_split

SIZE = 8
SETTINGS = EvaluationSettings(frames_per_episode=10, few_shot_draws=20, device="cpu")
# instance, category, set
Row = tuple[str, str, str]


def kinds(train: int = 6, test: int = 3) -> list[Row]:
    rows = [(f"{kind}_{index}", kind, "train") for kind in ("bar", "box", "dot") for index in range(train)]
    rows += [(f"{kind}_{index + 50}", kind, "test") for kind in ("bar", "box", "dot") for index in range(test)]
    return [*rows, ("bar_90", "bar", "online"), ("box_91", "box", "disjoint")]


def write(path: Path, rows: list[Row], frames: int = 12) -> PreparedData:
    """A category shows as the rows of the picture that are lit; colours are drawn for each object."""
    rng = np.random.default_rng(0)
    with PreparedWriter(path, SIZE) as writer:
        for number, (instance, category, instance_set) in enumerate(rows):
            pictures = rng.integers(0, 40, (frames, SIZE, SIZE, 3), dtype=np.uint8)
            lit = {"bar": slice(0, 2), "box": slice(2, 5), "dot": slice(5, 8)}.get(category, slice(0, 8))
            pictures[:, lit] += rng.integers(60, 200, 3, dtype=np.uint8)
            writer.append_frames(pictures)
            writer.add_episode("r", f"id{number}", instance, category, instance_set, EpisodeStates(np.arange(frames)))
        writer.finish("evaluation")
    return PreparedData.open(path)


class Rows(nn.Module):
    """Features that tell the category: the brightness of each row of the picture."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 3))


class Blind(nn.Module):
    """Features that tell nothing: noise, the same for the same picture."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.sin(1e4 * images.flatten(1)[:, :8])


def planes(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).float() / 255


def evaluated(encoder: nn.Module | None = None, instances: tuple[str, ...] = ("bar_0", "bar_90")) -> EvaluatedEncoder:
    return EvaluatedEncoder("aa_simclr", 3, encoder or Rows(), planes, instances, Blind)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return write(tmp_path_factory.mktemp("evaluation") / "data", kinds())


def test_features_that_tell_the_category_name_unseen_objects_and_noise_does_not(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, SETTINGS)

    assert found.category is not None
    assert found.category.probe_accuracy > 0.95
    assert found.category.knn_accuracy > 0.95
    assert 0.9 < found.category.few_shot["1"] <= found.category.few_shot["5"]
    assert found.baselines is not None
    assert found.baselines.random_encoder < 0.7
    assert found.baselines.colour_histogram < 0.8
    assert found.chance == pytest.approx(1 / 3)


def test_the_json_has_every_documented_key(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, SETTINGS).to_json()

    assert (found["method"], found["split"], found["seed"]) == ("aa_simclr", "test", 3)
    assert set(found["probe"]) >= {"accuracy", "per_category"}
    assert set(found["probe"]["per_category"]) == {"bar", "box", "dot"}
    assert set(found["knn"]) == {"accuracy", "per_instance"}
    assert set(found["few_shot"]) == {"1", "5"}
    assert set(found["baselines"]) == {"random_encoder", "colour_histogram"}
    assert found["confusion"]["categories"] == ["bar", "box", "dot"]
    # 3 test objects a category, 10 of the 12 frames of each
    assert np.sum(found["confusion"]["matrix"], axis=1).tolist() == [30, 30, 30]
    assert found["probe"]["accuracy"] == pytest.approx(np.trace(found["confusion"]["matrix"]) / 90)


def test_accuracy_is_the_mean_over_instances_weighted_by_their_frames(data: PreparedData) -> None:
    found = evaluate(evaluated(Blind()), data, SETTINGS).to_json()
    frames = [found["test_instance_frames"][name] for name in found["test_instances"]]
    assert sum(frames) == found["test_frames"]
    for measure in (found["probe"], found["knn"]):
        each = [measure["per_instance"][name] for name in found["test_instances"]]
        assert np.average(each, weights=frames) == pytest.approx(measure["accuracy"])


def test_train_instances_are_all_that_encoder_and_probe_have_seen_and_no_test_object(data: PreparedData) -> None:
    found = evaluate(evaluated(), data, SETTINGS)

    assert set(found.train_instances) == {row[0] for row in kinds() if row[2] == "train"} | {"bar_90"}
    assert set(found.test_instances) == {row[0] for row in kinds() if row[2] == "test"}


def test_the_same_evaluation_gives_the_same_figures(data: PreparedData) -> None:
    one, two = (evaluate(evaluated(Blind()), data, SETTINGS).to_json() for _ in range(2))

    assert one == two


def test_progress_counts_the_frames_of_both_encoders(data: PreparedData) -> None:
    seen: list[tuple[int, int]] = []
    settings = replace(SETTINGS, batch=64, measures=("category",))

    evaluate(evaluated(), data, settings, progress=lambda done, total: seen.append((done, total)))

    assert seen[-1] == (540, 540)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_validation_split_leaves_the_test_set_alone(data: PreparedData) -> None:
    found = evaluate(evaluated(instances=()), data, SETTINGS, split="val")

    assert found.test_instances == validation_instances(data)
    assert not set(found.test_instances) & set(found.train_instances)
    assert not {row[0] for row in kinds() if row[2] == "test"} & {*found.train_instances, *found.test_instances}


def test_frames_are_spread_evenly_over_each_episode(data: PreparedData) -> None:
    split = make_split(data, "test", 4)

    assert len(split.train) == 4 * 18
    np.testing.assert_array_equal(split.train.frames[:4], [0, 4, 7, 11])
    assert len(split.test) == 4 * 9


@pytest.mark.parametrize("split", ["test", "val"])
def test_an_encoder_that_has_seen_a_test_object_is_refused_by_name(data: PreparedData, split: str) -> None:
    seen = make_split(data, split, 1).test.names[1]

    with pytest.raises(DataError, match=rf"trained on 1 of the {split} objects \({seen}\)"):
        evaluate(evaluated(instances=("bar_0", seen)), data, SETTINGS, split=split)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row for row in kinds() if row[2] != "test"], r"no labelled frames for the split test \(sets found: disjoint"),
        ([row for row in kinds() if row[2] != "train"], "no labelled frames for the split train"),
        ([(name, "", of) for name, _, of in kinds()], "no labelled frames for the split train"),
        ([row for row in kinds() if row[1] == "bar"], "has only bar"),
        ([*kinds(), ("cup_1", "cup", "test")], "has cup, of which there is no train instance"),
        ([*kinds(), ("bar_0", "bar", "test")], "bar_0 is in both train and test"),
        ([*kinds(), ("bar_0", "box", "train")], "bar_0 is a bar in one episode and a box in another"),
    ],
)
def test_an_incomplete_split_is_an_error(tmp_path: Path, rows: list[Row], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(evaluated(), write(tmp_path / "data", rows), SETTINGS)


def test_a_note_says_what_was_left_out(tmp_path: Path) -> None:
    rows = [row for row in kinds(train=3) if not (row[1] == "dot" and row[2] == "test")]
    data = write(tmp_path / "data", [*rows, ("thing_1", "", "train")])

    found = evaluate(evaluated(), data, SETTINGS)

    assert "the test split has no frames of dot" in found.notes
    assert "episodes without a category were left out" in found.notes
    assert any(note.startswith("few-shot 5: fewer instances") for note in found.notes)
    assert found.category is not None
    assert set(found.category.per_category) == {"bar", "box"}
