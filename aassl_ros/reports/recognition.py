"""What an encoder sees in data: mistakes, nearest neighbours, features, accuracy from each side, confidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.evaluation.baselines import colour_histogram
from aassl_ros.learning.evaluation.category import Classifiers, count_confusions
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_at
from aassl_ros.learning.measures.tsne import tsne_points
from aassl_ros.learning.readout.features import embed
from aassl_ros.learning.readout.probe import fit_probe
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.readout.split import Split, make_split
from aassl_ros.reports.judged import Judged, judge_test
from aassl_ros.reports.viewpoints import ByViewpoint, by_viewpoint

_FRAMES_PER_EPISODE = 8
_POINTS = 1000
_ASKED = 6
_NEIGHBOURS = 5
_PLACES = 8


@dataclass(frozen=True)
class Mistake:
    """A test frame that was named wrongly. surer: how much more probable the wrong category was, in nats."""

    frame: int
    truth: str
    named: str
    surer: float


@dataclass(frozen=True)
class Recognition:
    """What an encoder sees in data.

    accuracy: of the linear probe on the test frames. by_colour: of a linear probe on their colour histograms.
    categories: C names. confusion: int64 [C, C], a row for each true
    one. mistakes: the surest first. neighbours: a test frame, then the nearest frames of the train set. points: float
    [N, 2], with the category of each, its place in its episode (0 the first frame, 1 the last), and whether it is of a
    train object. accuracy_by_place: float [P], from the first frames of test episodes to the last. by_viewpoint: from
    each side of the objects; None if no pose is known. judged: what the evaluator would answer.
    """

    accuracy: float
    by_colour: float
    categories: tuple[str, ...]
    confusion: NDArray[np.int64]
    mistakes: tuple[Mistake, ...]
    neighbours: tuple[tuple[int, ...], ...]
    points: NDArray[np.float64]
    point_categories: tuple[str, ...]
    point_places: NDArray[np.float64]
    point_is_train: NDArray[np.bool_]
    accuracy_by_place: NDArray[np.float64]
    by_viewpoint: ByViewpoint | None
    judged: Judged


def look(encoder: Path, data: PreparedData) -> Recognition:
    """Measure what an encoder sees in data.

    Args:
        encoder: a run, a checkpoint, a backbone file or `pretrained`.
        data: with train and test objects.

    Returns:
        What it sees.

    Raises:
        CheckpointError: the encoder cannot be loaded.
        DataError: the data have no train or no test objects.
    """
    evaluated = evaluated_encoder_at(encoder)
    parts = make_split(data, "test", _FRAMES_PER_EPISODE)
    train, test = (
        embed(evaluated.encoder, data.frames, side.frames, evaluated.normalise) for side in (parts.train, parts.test)
    )
    classifiers = Classifiers.fit(train, parts, evaluated.seed)
    scores = torch.log_softmax(classifiers.probe.scores(test), dim=1)
    named = scores.argmax(dim=1).cpu().numpy()
    targets = parts.test.targets
    places = np.arange(len(targets))
    gaps = (scores.max(dim=1).values - scores[torch.from_numpy(places), torch.from_numpy(targets)]).cpu().numpy()
    wrong = np.flatnonzero(named != targets)
    mistakes = tuple(
        Mistake(
            int(parts.test.frames[place]),
            parts.categories[targets[place]],
            parts.categories[named[place]],
            float(gaps[place]),
        )
        for place in wrong[np.argsort(-gaps[wrong])]
    )
    asked = evenly_spaced(len(test), _ASKED)
    likeness = functional.normalize(test[torch.from_numpy(asked)], dim=1) @ functional.normalize(train, dim=1).T
    nearest = likeness.topk(min(_NEIGHBOURS, len(train)), dim=1).indices.cpu().numpy()
    rows = zip(asked, nearest, strict=True)
    neighbours = tuple((int(parts.test.frames[one]), *map(int, parts.train.frames[some])) for one, some in rows)
    right = named == targets
    frames = np.concatenate([parts.train.frames, parts.test.frames])
    chosen = evenly_spaced(len(frames), _POINTS)
    episodes = [data.episodes[number] for number in data.episode_of[frames[chosen]]]
    return Recognition(
        float((named == targets).mean()),
        _by_colour(data, parts, evaluated.seed),
        parts.categories,
        count_confusions(named, parts),
        mistakes,
        neighbours,
        tsne_points(torch.cat([train, test])[torch.from_numpy(chosen)]),
        tuple(row.category for row in episodes),
        _places(data, frames[chosen]),
        chosen < len(parts.train.frames),
        _by_place(_places(data, parts.test.frames), right),
        by_viewpoint(np.asarray(data.object_pose[parts.test.frames], np.float64), right),
        judge_test(train, test, parts),
    )


def _by_colour(data: PreparedData, parts: Split, seed: int) -> float:
    train, test = (colour_histogram(data.frames, side.frames) for side in (parts.train, parts.test))
    targets = torch.from_numpy(parts.train.targets)
    named = fit_probe(train, targets, parts.train.instances, seed=seed).predict(test).numpy()
    return float((named == parts.test.targets).mean())


def _places(data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """The place of each frame in its episode: 0 the first, 1 the last."""
    rows = [data.episodes[number] for number in data.episode_of[frames]]
    begins, lengths = np.array([row.start for row in rows]), np.array([row.stop - row.start for row in rows])
    return np.asarray((frames - begins) / np.maximum(1, lengths - 1))


def _by_place(places: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    bins = np.minimum((places * _PLACES).astype(np.int64), _PLACES - 1)
    counts = np.bincount(bins, minlength=_PLACES)
    return np.asarray((np.bincount(bins, right, minlength=_PLACES) / np.maximum(1, counts))[counts > 0])
