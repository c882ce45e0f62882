"""Evaluation of an encoder: categories of objects that it has never seen, and other measures of its features.

Measures come in groups, chosen by EvaluationSettings.measures. First, the frames that they need are collected, so that
each frame is embedded once. Then each group is measured in its own file (category.py and so on), by the pure functions
of measures/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import ConfigError
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.evaluation.action import (
    ActionMeasures,
    ActionPlan,
    TrainedActions,
    measure_actions,
    plan_actions,
)
from aassl_ros.learning.evaluation.baselines import colour_histogram, random_encoder
from aassl_ros.learning.evaluation.category import (
    SHOTS,
    Baselines,
    Classifiers,
    few_shot_notes,
    measure_baselines,
    measure_categories,
)
from aassl_ros.learning.evaluation.result import Evaluation, FeaturePicture, ViewPicture
from aassl_ros.learning.evaluation.structure import (
    StructureMeasures,
    frames_with_follower,
    measure_structure,
)
from aassl_ros.learning.evaluation.views import ViewGrid, ViewMeasures, measure_views, read_views
from aassl_ros.learning.measures.tsne import tsne_points
from aassl_ros.learning.readout.features import Normalise, calibrate_batch_norm, embed, one_thread_each
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.readout.split import Split, make_split, refuse_seen
from aassl_ros.settings import setting

MEASURES = ("category", "views", "action", "structure")
_CALIBRATION_FRAMES = 512
_POINTS = 500  # points of train frames in the picture, and as many of test frames


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured, and on how many frames."""

    measures: tuple[str, ...] = setting(MEASURES, "Groups of measures to take", choices=MEASURES)
    baselines: bool = setting(True, "Also measure a random encoder and a colour histogram")
    frames_per_episode: int = setting(40, "Frames of each episode to use, evenly spread", minimum=1, maximum=100_000)
    few_shot_draws: int = setting(100, "Number of draws for few-shot accuracy", minimum=1, maximum=10_000)
    shots: tuple[int, ...] = setting(SHOTS, "Numbers of labelled objects per category for few-shot accuracy; 0: all")
    turns: str = setting("degrees:5:45", "Distance of the two frames whose rotation is predicted, written as "
                         "the window of training, but the same for every method")  # fmt: skip
    batch: int = setting(256, "Frames to embed at once", minimum=1, maximum=65536)
    device: str = setting("auto", "Device to compute on: auto (a GPU if there is one), cpu, cuda or cuda:NUMBER")

    def __post_init__(self) -> None:
        if not self.measures:
            raise ConfigError(f"measures is empty, expected some of {', '.join(MEASURES)}.")
        if not self.shots or min(self.shots) < 0:
            raise ConfigError(f"shots = {list(self.shots)}, expected one or more integers of at least 0.")
        parse_window(self.turns, "turns")


@dataclass(frozen=True)
class EvaluatedEncoder:
    """The encoder to evaluate.

    normalise: makes its input of images. instances: every object of its training.
    untrained: makes an encoder of the same architecture with random weights.
    trained: the actions of its training, None if its method uses none; of several spaces the one that the data have.
    """

    method: str
    seed: int
    encoder: nn.Module
    normalise: Normalise
    instances: tuple[str, ...]
    untrained: Callable[[], nn.Module]
    trained: TrainedActions | None = None


Progress = Callable[[int, int], None]
"""Called with the number of frames embedded so far, and the total."""


def evaluate(
    evaluated: EvaluatedEncoder,
    data: PreparedData,
    settings: EvaluationSettings | None = None,
    *,
    split: str = "test",
    picture: bool = False,
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """Evaluate an encoder: classifiers are trained on features of the train set and tested on those of the test set.

    split: "test", or "val" for instances taken out of the train set (see data.prepared.data.validation_instances).
    picture: also map the features to two dimensions with t-SNE.
    progress: called after each batch of frames.
    Raises DataError if the encoder was trained on a test object, or if a split has too few labelled frames.
    """
    settings = settings or EvaluationSettings()
    parts = make_split(data, split, settings.frames_per_episode)
    refuse_seen(evaluated.instances, parts.test.names, split)
    with one_thread_each() as threads:
        plan = _plan(evaluated, data, parts, split, settings)
        session = _Session(evaluated, data, settings, plan, threads, progress)
        return session.measure(picture)


@dataclass(frozen=True)
class _Plan:
    """What is measured, and on which frames. Measuring adds to `notes`."""

    split: str
    parts: Split
    grid: ViewGrid | None
    followed: NDArray[np.int64]
    actions: ActionPlan | None
    notes: list[str]

    @property
    def frames(self) -> NDArray[np.int64]:
        """All frames of the data to embed, once each, in rising order."""
        pairs = () if self.actions is None else (self.actions.frames,)
        sides = (self.parts.train.frames, self.parts.test.frames)
        return np.unique(np.concatenate([*sides, self.followed, self.followed + 1, *pairs]))


def _plan(
    evaluated: EvaluatedEncoder, data: PreparedData, parts: Split, split: str, settings: EvaluationSettings
) -> _Plan:
    notes = list(parts.notes)
    if "category" in settings.measures:
        notes += few_shot_notes(parts, settings.shots)
    grid = read_views(data, parts, split, notes) if "views" in settings.measures else None
    if grid is not None:
        refuse_seen((*evaluated.instances, *parts.train.names), grid.instances, "views")
    followed = np.zeros(0, np.int64)
    if "structure" in settings.measures:
        followed = frames_with_follower(data, parts.test.frames)
        if len(followed) < 2:
            notes.append("no consistency in time: each test episode has only one frame")
            followed = followed[:0]
    actions = None
    if "action" in settings.measures:
        sides, turns = (parts.train.frames, parts.test.frames), parse_window(settings.turns)
        trained = evaluated.trained and evaluated.trained.for_frames(data, sides[1])
        actions = plan_actions(trained, data, sides, turns, settings.device, evaluated.seed, notes)
    return _Plan(split, parts, grid, followed, actions, notes)


@dataclass(frozen=True)
class _Untrained:
    """Features of an untrained encoder: of the train frames, the test frames, and the grid's frames if there is one."""

    train: Tensor
    test: Tensor
    grid: Tensor | None


class _Session:
    """Runs one evaluation: embeds the frames of the plan and passes each group its features."""

    def __init__(
        self,
        evaluated: EvaluatedEncoder,
        data: PreparedData,
        settings: EvaluationSettings,
        plan: _Plan,
        threads: int,
        progress: Progress,
    ) -> None:
        self._evaluated, self._data, self._settings, self._plan = evaluated, data, settings, plan
        self._device = choose_device(settings.device)
        self._workers = threads if self._device.type == "cpu" else 1
        self._frames = plan.frames
        in_grid = 0 if plan.grid is None else plan.grid.frames.size
        sides = len(plan.parts.train) + len(plan.parts.test)
        with_untrained = settings.baselines and ("category" in settings.measures or plan.grid is not None)
        self._total = len(self._frames) + in_grid + (sides + in_grid if with_untrained else 0)
        self._done, self._progress = 0, progress
        self._features = self._embed(evaluated.encoder, data, self._frames)
        self._grid_features: Tensor | None = None

    def measure(self, picture: bool) -> Evaluation:
        evaluated, plan, parts = self._evaluated, self._plan, self._plan.parts
        train, test = self.features(parts.train.frames), self.features(parts.test.frames)
        named = "category" in self._settings.measures
        classifiers = Classifiers.fit(train, parts, evaluated.seed) if named or plan.grid is not None else None
        untrained = self._untrained() if self._settings.baselines and classifiers is not None else None
        category = baselines = views = None
        if named and classifiers is not None:
            draws, shots = self._settings.few_shot_draws, self._settings.shots
            category = measure_categories(classifiers, train, test, parts, draws, evaluated.seed, shots)
        if named and untrained is not None:
            baselines = self._measure_baselines(untrained)
        if plan.grid is not None and classifiers is not None:
            views = self._measure_views(plan.grid, train.mean(dim=0), classifiers, untrained)
        return Evaluation(
            method=evaluated.method,
            split=plan.split,
            categories=parts.categories,
            train_instances=tuple(sorted({*evaluated.instances, *parts.train.names})),
            test_instances=parts.test.names,
            test_frames=len(parts.test),
            seed=evaluated.seed,
            category=category,
            baselines=baselines,
            views=views,
            action=None if plan.actions is None else self._measure_actions(plan.actions),
            structure=self._measure_structure(train) if "structure" in self._settings.measures else None,
            picture=self._lay_out() if picture else None,
            view_picture=self._lay_out_views(plan.grid) if picture and plan.grid is not None else None,
            notes=tuple(dict.fromkeys(plan.notes)),  # last, because measuring adds some
        )

    def features(self, frames: NDArray[np.int64]) -> Tensor:
        """Return the features float [N, D] of frames int64 [N] of the plan."""
        rows = torch.from_numpy(np.searchsorted(self._frames, frames)).to(self._features.device)
        return self._features[rows]

    def _embed(self, encoder: nn.Module, data: PreparedData, frames: NDArray[np.int64]) -> Tensor:
        def advance(frames: int) -> None:
            self._done += frames
            self._progress(self._done, self._total)

        normalise, batch = self._evaluated.normalise, self._settings.batch
        encoder = fold_batch_norms(encoder) if isinstance(encoder, Encoder) else encoder
        return embed(encoder, data.frames, frames, normalise, device=self._device, batch=batch,
                     workers=self._workers, progress=advance)  # fmt: skip

    def _untrained(self) -> _Untrained:
        parts, normalise = self._plan.parts, self._evaluated.normalise
        encoder = random_encoder(self._evaluated.untrained, self._evaluated.seed)
        some = parts.train.frames[evenly_spaced(len(parts.train), _CALIBRATION_FRAMES)]
        calibrate_batch_norm(encoder, self._data.frames, some, normalise, device=self._device)
        train, test = (self._embed(encoder, self._data, side.frames) for side in (parts.train, parts.test))
        grid = self._plan.grid
        return _Untrained(train, test, None if grid is None else self._embed(encoder, grid.data, grid.frames.ravel()))

    def _measure_baselines(self, untrained: _Untrained) -> Baselines:
        parts = self._plan.parts
        train, test = (
            colour_histogram(self._data.frames, side.frames).to(self._device) for side in (parts.train, parts.test)
        )
        return measure_baselines((untrained.train, untrained.test), (train, test), parts, self._evaluated.seed)

    def _measure_views(
        self, grid: ViewGrid, mean: Tensor, classifiers: Classifiers, untrained: _Untrained | None
    ) -> ViewMeasures:
        features = self._grid_features = self._embed(self._evaluated.encoder, grid.data, grid.frames.ravel())
        beside = None
        if untrained is not None and untrained.grid is not None:
            beside = untrained.grid, untrained.train.mean(dim=0)
        return measure_views(grid, features, mean, classifiers, beside)

    def _measure_actions(self, actions: ActionPlan) -> ActionMeasures:
        evaluated, plan = self._evaluated, self._plan
        left_out = validation_instances(self._data) if plan.split == "val" else ()
        trained = evaluated.trained and evaluated.trained.for_frames(self._data, plan.parts.test.frames)
        return measure_actions(actions, trained, self._data, self.features, left_out, evaluated.seed, plan.notes)

    def _measure_structure(self, train: Tensor) -> StructureMeasures:
        followed = self._plan.followed
        neighbours = (self.features(followed), self.features(followed + 1)) if len(followed) else None
        return measure_structure(train, neighbours, self._evaluated.seed)

    def _lay_out(self) -> FeaturePicture:
        parts = self._plan.parts
        sides = [side.frames[evenly_spaced(len(side), _POINTS)] for side in (parts.train, parts.test)]
        chosen = np.concatenate(sides)
        categories = tuple(self._data.episodes[row].category for row in self._data.episode_of[chosen])
        trained_on = np.arange(len(chosen)) < len(sides[0])
        return FeaturePicture(tsne_points(self.features(chosen)), categories, trained_on)

    def _lay_out_views(self, grid: ViewGrid) -> ViewPicture | None:
        if self._grid_features is None:
            return None
        objects = evenly_spaced(len(grid.frames), max(1, 2 * _POINTS // len(grid.views)))
        features = self._grid_features.view(*grid.frames.shape, -1)[torch.as_tensor(objects)]
        return ViewPicture(tsne_points(features.flatten(0, 1)), grid.views * len(objects))
