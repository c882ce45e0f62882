"""Measures of the information on actions in features: retrieval by the method's own heads, and prediction of rotations.

Pairs are of test objects. Pairs for retrieval are drawn from the method's own window, as in training. Pairs for the
prediction of rotations are the same for every method, so that methods can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import Window, parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.evaluation.gradients import measure_gradients
from aassl_ros.learning.evaluation.trained_actions import TrainedActions
from aassl_ros.learning.measures.retrieval import Retrieval, chance, mean_retrieval, retrieve
from aassl_ros.learning.measures.rotation import kernel_rotation_r2, rotation_r2
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.readout.features import embed

if TYPE_CHECKING:
    from aassl_ros.learning.training.learner import Learner

CANDIDATES = 256
"""Number of candidate actions of a retrieval. It does not depend on the batch size, so that runs can be compared."""
_RETRIEVED, _TOLD = 4096, 8192  # maximum number of pairs for retrieval, and for the prediction of rotations
_SAME_SHARE = 1e-2  # tolerance of actions without angles, as a share of their usual size: more than clock jitter

FramesToFeatures = Callable[[NDArray[np.int64]], Tensor]
"""Maps frames int64 [N] to their features float [N, D]."""


@dataclass(frozen=True)
class FramePairs:
    """Pairs of frames, both int64 [N]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @property
    def frames(self) -> NDArray[np.int64]:
        """All frames of the pairs, int64 [2 N]."""
        return np.concatenate([self.first, self.second])


@dataclass(frozen=True)
class ActionPlan:
    """Pairs to embed before measuring; None for a measure that cannot be taken.

    turns: pairs of train frames, pairs of test frames, and the action space of their rotation.
    """

    learner: Learner | None
    retrieved: FramePairs | None
    turns: tuple[FramePairs, FramePairs, ActionSpace] | None

    @property
    def frames(self) -> NDArray[np.int64]:
        """Every frame of a pair, int64."""
        pairs = [self.retrieved, *(self.turns[:2] if self.turns else ())]
        return np.concatenate([np.zeros(0, np.int64), *(each.frames for each in pairs if each is not None)])


@dataclass(frozen=True)
class Retrieved:
    """Results of retrieval. found: by the heads; shuffled: with the images of another pair; by_chance: random order."""

    found: Retrieval
    shuffled: Retrieval
    by_chance: Retrieval
    candidates: int


@dataclass(frozen=True)
class ActionMeasures:
    """Measures of actions; None if the method or the data does not have what a measure needs.

    rotation_r2, rotation_r2_kernel: by linear and by kernel regression; rotation_of: the action space of the rotation.
    """

    retrieved: Retrieved | None
    rotation_r2: float | None
    rotation_r2_kernel: float | None
    rotation_of: str | None
    gradient_cosine: float | None

    def to_json(self) -> dict[str, Any]:
        """Return their part of the evaluation's JSON."""
        values: dict[str, Any] = {}
        if self.retrieved is not None:
            for prefix, part in (("", self.retrieved.found), ("chance_", self.retrieved.by_chance),
                                 ("shuffled_", self.retrieved.shuffled)):  # fmt: skip
                values[f"{prefix}hit_at_1"], values[f"{prefix}hit_at_5"] = part.hit_at_1, part.hit_at_5
                values[f"{prefix}mrr"] = part.mean_reciprocal_rank
            values["candidates"] = self.retrieved.candidates
        if self.rotation_r2 is not None:
            values |= {"rotation_r2": self.rotation_r2, "rotation_r2_kernel": self.rotation_r2_kernel}
            values["rotation_of"] = self.rotation_of
        if self.gradient_cosine is not None:
            values["gradient_cosine"] = self.gradient_cosine
        return {"action": values}


def plan_actions(
    trained: TrainedActions | None,
    data: PreparedData,
    sides: tuple[NDArray[np.int64], NDArray[np.int64]],
    turns: Window,
    device: str,
    seed: int,
    notes: list[str],
) -> ActionPlan:
    """Choose the pairs to measure on. Adds to `notes` what cannot be measured and why.

    sides: the train frames and the test frames, int64; turns: window of the pairs for the prediction of rotations.
    """
    learner = retrieved = None
    if trained is not None:
        learner = trained.learner(device)
        if isinstance(trained.term(learner), Alignment):
            try:
                usable = trained.space.usable(data)
                window = parse_window(learner.settings.window)
                retrieved = _draw(data, sides[1], usable, window, _RETRIEVED, (seed, 2))
            except DataError as error:
                notes.append(f"actions were not retrieved: {_sentence(error)}")
            if retrieved is not None and len(retrieved.first) < 2:
                notes.append("actions were not retrieved: there is only one pair")
                retrieved = None
    space = _rotation_space(data, sides)
    if space is None:
        notes.append("no R2 of rotations: neither the object's nor the tip's pose is known in both splits")
        return ActionPlan(learner, retrieved, None)
    try:
        usable = space.usable(data)
        train, test = (_draw(data, frames, usable, turns, _TOLD, (seed, 3)) for frames in sides)
    except DataError as error:
        notes.append(f"no R2 of rotations: {_sentence(error)}")
        return ActionPlan(learner, retrieved, None)
    return ActionPlan(learner, retrieved, (train, test, space))


def measure_actions(
    plan: ActionPlan,
    trained: TrainedActions | None,
    data: PreparedData,
    features: FramesToFeatures,
    left_out: tuple[str, ...],
    seed: int,
    notes: list[str],
) -> ActionMeasures:
    """Measure the actions of a plan.

    features: returns the features of the plan's frames; left_out: train instances that must not be used for gradients.
    """
    retrieved = cosine = linear = kernel = rotation_of = None
    if plan.learner is not None and trained is not None:
        if plan.retrieved is not None:
            heads_features = (
                features if plan.learner.average is None else _not_averaged(plan.learner, plan.retrieved, data)
            )
            retrieved = _retrieve(plan.learner, plan.retrieved, trained, data, heads_features, seed)
        known = trained.space, trained.normalisation
        cosine = measure_gradients(plan.learner, trained.term(plan.learner), known, data, left_out, seed, notes)
    if plan.turns is not None:
        train, test, space = plan.turns
        sides = []
        for pairs in (train, test):
            inputs = torch.cat([features(pairs.first), features(pairs.second)], dim=1)
            turned = torch.from_numpy(space.displacement(data, pairs.first, pairs.second)).to(inputs.device)
            sides.append((inputs, turned))
        instances = _instances(data, train.first)
        linear = rotation_r2(sides[0], instances, sides[1], seed=seed)
        kernel = kernel_rotation_r2(sides[0], instances, sides[1], seed=seed)
        rotation_of = space.name
        if linear is None:
            notes.append("no R2 of rotations: all rotations of the test pairs are the same")
    return ActionMeasures(retrieved, linear, kernel, rotation_of, cosine)


def _instances(data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the instances of frames, int64 [N]; an instance may have several episodes."""
    _, of_episode = np.unique([row.instance for row in data.episodes], return_inverse=True)
    return np.asarray(of_episode[data.episode_of[frames]], np.int64)


def _draw(
    data: PreparedData,
    frames: NDArray[np.int64],
    usable: NDArray[np.bool_],
    window: Window,
    most: int,
    seed: tuple[int, int],
) -> FramePairs:
    """Draw pairs that begin at one of `frames` and end anywhere in its episode. Raises DataError if there are none."""
    rng = np.random.default_rng(seed)
    episodes = np.isin(data.episode_of, data.episode_of[frames])
    sampler = PairSampler(data, np.flatnonzero(episodes & usable), window)
    anchors = np.intersect1d(sampler.anchors, frames)
    first = rng.permutation(anchors if len(anchors) else sampler.anchors)[:most]
    return FramePairs(first, sampler.partners(first, rng))


def _rotation_space(data: PreparedData, sides: tuple[NDArray[np.int64], ...]) -> ActionSpace | None:
    for name in ("object_pose", "end_effector"):
        space = ActionSpace(name, "vector", ("rotation",))
        usable = space.usable(data)
        if all(usable[frames].any() for frames in sides):
            return space
    return None


@torch.no_grad()
def _retrieve(
    learner: Learner,
    pairs: FramePairs,
    trained: TrainedActions,
    data: PreparedData,
    features: FramesToFeatures,
    seed: int,
) -> Retrieved:
    """Retrieve in batches of CANDIDATES pairs, or in one smaller batch; pairs left over are not used."""
    term = trained.term(learner)
    assert isinstance(term, Alignment)
    term.eval()
    generator = torch.Generator().manual_seed(seed)
    candidates = min(CANDIDATES, len(pairs.first))
    found, shuffled, by_chance = [], [], []
    for start in range(0, len(pairs.first) - candidates + 1, candidates):
        first, second = (side[start : start + candidates] for side in (pairs.first, pairs.second))
        actions = torch.from_numpy(trained.normalisation(trained.space.displacement(data, first, second)))
        actions = actions.to(learner.device)
        joint, action = term.embed(Pairs(features(first), features(second), actions))
        same = _same(actions, trained, learner.settings.same_action)
        found.append(retrieve(joint, action, same, generator))
        order = torch.randperm(candidates, generator=generator)
        others = torch.empty_like(order).scatter_(0, order, order.roll(1)).to(joint.device)
        shuffled.append(retrieve(joint[others], action, same, generator))
        by_chance.append(chance(same))
    return Retrieved(mean_retrieval(found), mean_retrieval(shuffled), mean_retrieval(by_chance), candidates)


def _not_averaged(learner: Learner, pairs: FramePairs, data: PreparedData) -> FramesToFeatures:
    """Embed the frames of pairs with the encoder that the heads were trained with, instead of its average."""
    frames = np.unique(pairs.frames)
    features = embed(learner.encoder, data.frames, frames, learner.augmentation.plain, device=learner.device)
    return lambda chosen: features[torch.from_numpy(np.searchsorted(frames, chosen)).to(features.device)]


def _same(actions: Tensor, trained: TrainedActions, degrees: float) -> Tensor:
    """Compare normalised actions [N, A], bool [N, N]: same within the method's tolerance, or else one degree."""
    try:
        tell = SameAction(trained.space, trained.normalisation, degrees or 1.0).to(actions.device)
    except ConfigError:  # these actions have no angles
        return torch.cdist(actions, actions, p=torch.inf) <= _SAME_SHARE
    return torch.as_tensor(tell(actions))


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")
