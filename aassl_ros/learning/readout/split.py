"""Split of labelled frames into train and test frames of a classifier: by object instance, never by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import DataError
from aassl_ros.learning.readout.spacing import evenly_spaced

SPLITS = ("test", "val")


@dataclass(frozen=True)
class LabelledFrames:
    """N labelled frames.

    frames: indices into the data; targets: into the split's categories; instances: into `names`; all int64 [N].
    names: the instances, sorted.
    """

    frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    instances: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Split:
    """Train and test frames. categories: those of the train frames, sorted; notes: messages on what was left out."""

    train: LabelledFrames
    test: LabelledFrames
    categories: tuple[str, ...]
    notes: tuple[str, ...]


def make_split(data: PreparedData, split: str, frames_per_episode: int) -> Split:
    """Split labelled frames: train frames are of the set train, test frames of the set test.

    split: "test", or "val" to test on instances that are taken out of the set train.
    frames_per_episode: at most so many are used of each episode, evenly spread, because they are similar.
    Raises DataError if one side has no labelled frame, if there is only one category, if an instance is on both sides
    or has two categories, or if a test category is missing in the train frames.
    """
    held_out = validation_instances(data) if split == "val" else ()
    train_frames = _spread_over_episodes(data, data.indices(("train",), without_instances=held_out), frames_per_episode)
    if split == "val":
        of_held_out = np.isin(data.episode_of, [i for i, row in enumerate(data.episodes) if row.instance in held_out])
        candidates = np.intersect1d(data.indices(("train",)), np.flatnonzero(of_held_out))
    else:
        candidates = data.indices(("test",))
    test_frames = _spread_over_episodes(data, candidates, frames_per_episode)
    notes: list[str] = []
    train_frames, test_frames = _labelled(data, train_frames, notes), _labelled(data, test_frames, notes)
    categories = tuple(sorted(set(_categories(data, train_frames))))
    _check(data, split, train_frames, test_frames, categories)
    absent = sorted(set(categories) - set(_categories(data, test_frames)))
    if absent:
        notes.append(f"the {split} split has no frames of {', '.join(absent)}")
    train, test = (_with_targets(data, frames, categories) for frames in (train_frames, test_frames))
    return Split(train, test, categories, tuple(dict.fromkeys(notes)))


def refuse_seen(seen: tuple[str, ...], test_instances: tuple[str, ...], split: str) -> None:
    """Raise DataError if the encoder was trained on an object of the test split. seen: instances of its training."""
    both = sorted(set(seen) & set(test_instances))
    if both:
        names = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
        advice = "Train with --validation true, which leaves them out" if split == "val" else "Test on other objects"
        raise DataError(f"the encoder was trained on {len(both)} of the {split} objects ({names}). {advice}.")


def _spread_over_episodes(data: PreparedData, frames: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    parts = [np.zeros(0, np.int64)]
    for episode in np.unique(data.episode_of[frames]):
        row = data.episodes[episode]
        parts.append(evenly_spaced(row.stop - row.start, most, start=row.start))
    return np.concatenate(parts)


def _labelled(data: PreparedData, frames: NDArray[np.int64], notes: list[str]) -> NDArray[np.int64]:
    with_category = np.array([bool(row.category) for row in data.episodes], bool)
    kept = with_category[data.episode_of[frames]] if len(frames) else np.zeros(0, bool)
    if not kept.all():
        notes.append("episodes without a category were left out")
    return frames[kept]


def _check(
    data: PreparedData,
    split: str,
    train_frames: NDArray[np.int64],
    test_frames: NDArray[np.int64],
    categories: tuple[str, ...],
) -> None:
    for name, frames in (("train", train_frames), (split, test_frames)):
        if len(frames) == 0:
            found = ", ".join(sorted({row.set for row in data.episodes})) or "none"
            raise DataError(f"{data.path} has no labelled frames for the split {name} (sets found: {found}).")
    if len(categories) < 2:
        raise DataError(f"{data.path}: the train set has only {categories[0]}, expected two categories or more.")
    both = sorted(set(_instances(data, train_frames)) & set(_instances(data, test_frames)))
    if both:
        raise DataError(f"{data.path}: {', '.join(both[:5])} is in both train and {split}. Assign it to one set.")
    named: dict[str, str] = {}
    for episode in np.unique(data.episode_of[np.concatenate([train_frames, test_frames])]):
        row = data.episodes[episode]
        if named.setdefault(row.instance, row.category) != row.category:
            raise DataError(
                f"{data.path}: {row.instance} is a {named[row.instance]} in one episode and a {row.category} in "
                "another. Give every object a name of its own, such as the category and a number."
            )
    unknown = sorted(set(_categories(data, test_frames)) - set(categories))
    if unknown:
        raise DataError(
            f"{data.path}: the {split} split has {', '.join(unknown)}, of which there is no train instance. "
            "Record some for training, or discard these episodes."
        )


def _categories(data: PreparedData, frames: NDArray[np.int64]) -> list[str]:
    return [data.episodes[index].category for index in np.unique(data.episode_of[frames])]


def _instances(data: PreparedData, frames: NDArray[np.int64]) -> list[str]:
    return [data.episodes[index].instance for index in np.unique(data.episode_of[frames])]


def _with_targets(data: PreparedData, frames: NDArray[np.int64], categories: tuple[str, ...]) -> LabelledFrames:
    names = tuple(sorted(set(_instances(data, frames))))
    target_of = np.array(
        [categories.index(row.category) if row.category in categories else -1 for row in data.episodes]
    )
    instance_of = np.array([names.index(row.instance) if row.instance in names else -1 for row in data.episodes])
    episodes = data.episode_of[frames]
    return LabelledFrames(frames, target_of[episodes], instance_of[episodes], names)
