"""The open-set protocol: what is taught and asked, and its scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.prepared.writer import EpisodeStates, PreparedWriter
from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.openset import (
    Answers,
    by_object,
    judged,
    nearest_neighbours,
    open_set_scores,
    score,
)
from aassl_ros.learning.evaluation.openset_plan import Draw, draw_known, plan_names

FRAMES = 8


def write(path: Path, *, categories: int = 5, train: int = 3, test: int = 2, episodes: int = 1) -> PreparedData:
    """Labelled data: episodes of eight frames of every object."""
    with PreparedWriter(path, 8) as writer:
        number = 0
        for category in range(categories):
            for place in range(train + test):
                for _ in range(episodes):
                    writer.append_frames(np.full((FRAMES, 8, 8, 3), number, np.uint8))
                    states = EpisodeStates(1_000_000_000 + np.arange(FRAMES) * 30_000_000)
                    id = f"{number:08d}-0000-4000-8000-000000000000"
                    instance_set = "train" if place < train else "test"
                    writer.add_episode("r", id, f"c{category}_{place}", f"c{category}", instance_set, states)
                    number += 1
        writer.finish("open set")
    return PreparedData.open(path)


def instances(data: PreparedData, frames: np.ndarray) -> set[str]:
    return {data.episodes[episode].instance for episode in data.episode_of[frames]}


def draw_of(data: PreparedData, level: str = "category", split: str = "test", seed: int = 0) -> Draw:
    return draw_known(plan_names(data, level, 4, split), 0.6, np.random.default_rng(seed))


def test_train_objects_are_taught_and_test_objects_of_known_and_unknown_categories_are_asked(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    draw = draw_of(data)
    taught, names, objects = draw.taught(0)
    assert len(set(names)) == 3
    assert len(taught) == 3 * 3 * 4
    assert {data.episodes[episode].set for episode in data.episode_of[taught]} == {"train"}
    asked = np.append(draw.known, draw.unknown)
    assert {data.episodes[episode].set for episode in data.episode_of[asked]} == {"test"}
    category_of = {frame: data.episodes[data.episode_of[frame]].category for frame in np.append(taught, asked)}
    known = {name: category_of[frame] for frame, name in zip(taught, names, strict=True)}
    assert [category_of[frame] for frame in draw.known] == [known[target] for target in draw.targets]
    assert not {category_of[frame] for frame in draw.unknown} & set(known.values())
    assert (
        len({(object, instances(data, frame[None]).pop()) for object, frame in zip(objects, taught, strict=True)}) == 9
    )


def test_each_object_is_taught_once_before_any_is_taught_again(tmp_path: Path) -> None:
    draw = draw_of(write(tmp_path / "data"))
    for count in (1, 2, 3):
        _, names, objects = draw.taught(count)
        assert np.bincount(names).tolist() == [count] * 3
        assert len(set(objects)) == 3 * count


def test_the_known_names_change_from_draw_to_draw_and_a_seed_repeats_them(tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    chosen = [frozenset(instances(data, draw_of(data, seed=seed).known)) for seed in range(8)]
    assert len(set(chosen)) > 1
    assert np.array_equal(draw_of(data, seed=3).unknown, draw_of(data, seed=3).unknown)


@pytest.mark.parametrize("episodes", [1, 2])
def test_of_single_objects_other_views_are_asked_than_are_taught(tmp_path: Path, episodes: int) -> None:
    data = write(tmp_path / "data", episodes=episodes)
    draw = draw_of(data, "object")
    taught, _, objects = draw.taught(0)
    assert len(set(objects)) == 6  # of ten test objects
    assert instances(data, taught) == instances(data, draw.known)
    assert not instances(data, taught) & instances(data, draw.unknown)
    assert not set(taught) & set(draw.known)
    if episodes == 2:
        assert not set(data.episode_of[taught]) & set(data.episode_of[draw.known])


def test_data_without_test_objects_can_be_asked_about_train_objects_that_are_taken_out(tmp_path: Path) -> None:
    data = write(tmp_path / "data", test=0)
    with pytest.raises(DataError, match=r"has 0 names of level category .* Take some out of train with --split val"):
        draw_of(data)
    draw = draw_of(data, split="val")
    assert not instances(data, draw.taught(0)[0]) & instances(data, draw.known)


def test_scores_of_answers_by_hand() -> None:
    chances = np.eye(2)[[0, 1, 1, 0]]
    answers = Answers(chances, np.array([0.9, 0.8, 0.7, 0.2]), np.array([0.1, 0.15, 0.75, 0.3]), 0.5)
    found = score(answers, np.array([0, 1, 0, 0]), 0.25)
    assert found.accuracy == 0.75
    assert found.refused == 0.75  # the quarter of known views below 0.575 is refused, too
    assert found.auroc == pytest.approx(13 / 16)
    assert (found.own_known, found.own_unknown) == (0.25, 0.75)
    assert found.ece == pytest.approx(0.25)  # always sure, right in three of four


def test_an_object_is_judged_by_the_mean_of_its_views() -> None:
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.45, 0.55], [0.3, 0.7], [0.2, 0.8]])
    answers = Answers(chances, np.array([0.9, 0.3, 0.8, 0.1, 0.6]), np.array([0.2, 0.4, 0.9]), 0.5)
    handled = np.array([7, 7, 7, 3, 3])
    means, targets = by_object(answers, np.array([0, 0, 0, 1, 1]), handled, np.array([5, 4, 5]))
    assert targets.tolist() == [1, 0]
    assert means.chances.argmax(axis=1).tolist() == [1, 0]  # two of three views are named wrongly, the mean is right
    assert means.known.tolist() == pytest.approx([0.35, 2 / 3])
    assert means.unknown.tolist() == pytest.approx([0.4, 0.55])
    assert score(means, targets, 0.1).accuracy == 1.0


def test_the_views_of_an_episode_are_of_one_object(tmp_path: Path) -> None:
    data = write(tmp_path / "data", episodes=2)
    draw = draw_of(data)
    assert np.array_equal(draw.known_handled, data.episode_of[draw.known])
    assert np.array_equal(draw.unknown_handled, data.episode_of[draw.unknown])


def test_easy_features_are_named_and_strangers_refused_by_the_judge_and_worse_by_plain_neighbours(
    tmp_path: Path,
) -> None:
    data = write(tmp_path / "data", categories=6, train=6, test=6)
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(6, 32, generator=random)
    categories = torch.tensor([int(data.episodes[episode].category[1:]) for episode in data.episode_of])
    table = centres[categories] + 0.35 * torch.randn(len(data), 32, generator=random)
    draws = [draw_of(data, seed=seed) for seed in range(4)]
    methods = {"knn": nearest_neighbours, "judge": judged(0.1)}
    scores = open_set_scores(lambda frames: table[torch.from_numpy(frames)], draws, (2, 0), lambda draw: methods, 0.1)
    assert set(scores) == {(method, views) for method in methods for views in (2, 0)}
    judge, neighbours = ([each.views for each in scores[method, 0]] for method in ("judge", "knn"))
    assert np.mean([each.accuracy for each in judge]) > 0.95
    assert np.mean([each.refused for each in judge]) > 0.95
    assert np.mean([each.auroc for each in judge]) > np.mean([each.auroc for each in neighbours])
    assert np.mean([each.own_known for each in judge]) < 0.3
    assert np.mean([each.own_unknown for each in judge]) > 0.9
    assert np.isnan(neighbours[0].own_known)
    few = scores["judge", 2]
    for name in ("accuracy", "refused", "auroc"):
        views, objects = (np.mean([getattr(level, name) for level in levels]) for levels in
                          ([each.views for each in few], [each.objects for each in few]))  # fmt: skip
        assert objects >= views
