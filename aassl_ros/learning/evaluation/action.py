"""Measures of what features know of actions: retrieval by the method's own heads, the turn told from frozen features.

Pairs are of test objects. Those that actions are retrieved for are drawn from the method's own window, as in training;
those that turns are told from are of the same frames for every method, so that methods can be compared.
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
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.window import Window, parse_window
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.evaluation.gradients import measure_gradients
from aassl_ros.learning.measures.retrieval import Retrieval, chance, mean_retrieval, retrieve
from aassl_ros.learning.measures.rotation import kernel_rotation_r2, rotation_r2
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.readout.features import embed

if TYPE_CHECKING:
    from aassl_ros.learning.training.learner import Learner

CANDIDATES = 256
"""Actions that one is looked for among, whatever the batch of training was: figures of different runs compare."""
_RETRIEVED, _TOLD = 4096, 8192  # pairs, at most
_SAME_SHARE = 1e-2  # of its usual size, for actions without angles: clock jitter is less

FramesToFeatures = Callable[[NDArray[np.int64]], Tensor]
"""Frames int64 [N] -> their features float [N, D]."""


@dataclass(frozen=True)
class TrainedActions:
    """What a method with an action term was taught. learner: makes it anew, heads and all, on the device named."""

    space: ActionSpace
    normalisation: Normalisation
    learner: Callable[[str], Learner]


@dataclass(frozen=True)
class FramePairs:
    """Pairs of frames, both int64 [N]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @property
    def frames(self) -> NDArray[np.int64]:
        return np.concatenate([self.first, self.second])


@dataclass(frozen=True)
class ActionPlan:
    """Pairs to embed before anything is measured; a measure that cannot be taken has None.

    turns: pairs of train and of test frames, and the pose they turn by.
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
    """found: by the heads; shuffled: with the images of another pair; by_chance: in random order."""

    found: Retrieval
    shuffled: Retrieval
    by_chance: Retrieval
    candidates: int


@dataclass(frozen=True)
class ActionMeasures:
    """None where the method or the data have no such thing. rotation_r2, rotation_r2_kernel: by linear and by kernel
    regression; rotation_of: the pose that turned.
    """

    retrieved: Retrieved | None
    rotation_r2: float | None
    rotation_r2_kernel: float | None
    rotation_of: str | None
    gradient_cosine: float | None

    def to_json(self) -> dict[str, Any]:
        """Their share of EVALUATION."""
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
    taught: TrainedActions | None,
    data: PreparedData,
    sides: tuple[NDArray[np.int64], NDArray[np.int64]],
    turns: Window,
    device: str,
    seed: int,
    notes: list[str],
) -> ActionPlan:
    """sides: the train and the test frames; turns: window of the pairs that turns are told from. Says in `notes` what
    cannot be measured and why.
    """
    learner = retrieved = None
    if taught is not None:
        learner = taught.learner(device)
        if isinstance(_term(learner), Alignment):
            try:
                usable = taught.space.usable(data)
                window = parse_window(learner.settings.window)
                retrieved = _draw(data, sides[1], usable, window, _RETRIEVED, (seed, 2))
            except DataError as error:
                notes.append(f"actions were not retrieved: {_sentence(error)}")
            if retrieved is not None and len(retrieved.first) < 2:
                notes.append("actions were not retrieved: there is one pair alone, and nothing to confuse it with")
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
    taught: TrainedActions | None,
    data: PreparedData,
    features: FramesToFeatures,
    left_out: tuple[str, ...],
    seed: int,
    notes: list[str],
) -> ActionMeasures:
    """features: of every frame of the plan. left_out: train instances that gradients are not taken on."""
    retrieved = cosine = linear = kernel = rotation_of = None
    if plan.learner is not None and taught is not None:
        if plan.retrieved is not None:
            learnt_by = features if plan.learner.average is None else _not_averaged(plan.learner, plan.retrieved, data)
            retrieved = _retrieve(plan.learner, plan.retrieved, taught, data, learnt_by, seed)
        known = taught.space, taught.normalisation
        cosine = measure_gradients(plan.learner, known, data, left_out, seed, notes)
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
            notes.append("no R2 of rotations: all turns of the test pairs are the same")
    return ActionMeasures(retrieved, linear, kernel, rotation_of, cosine)


def _instances(data: PreparedData, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the instance that each frame shows, int64 [N]: one may have several episodes."""
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
    """Pairs that begin at one of `frames` and end anywhere in its episode. Raises DataError where there is none."""
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


def _term(learner: Learner) -> torch.nn.Module | None:
    parts: dict[str, torch.nn.Module] = dict(learner.objective.items())
    return parts.get("action")


@torch.no_grad()
def _retrieve(
    learner: Learner,
    pairs: FramePairs,
    taught: TrainedActions,
    data: PreparedData,
    features: FramesToFeatures,
    seed: int,
) -> Retrieved:
    """Batches of CANDIDATES pairs, or one of all where they are fewer; what is over is left out."""
    term = _term(learner)
    assert isinstance(term, Alignment)
    term.eval()
    generator = torch.Generator().manual_seed(seed)
    candidates = min(CANDIDATES, len(pairs.first))
    found, shuffled, by_chance = [], [], []
    for start in range(0, len(pairs.first) - candidates + 1, candidates):
        first, second = (side[start : start + candidates] for side in (pairs.first, pairs.second))
        actions = torch.from_numpy(taught.normalisation(taught.space.displacement(data, first, second)))
        actions = actions.to(learner.device)
        joint, action = term.embed(Pairs(features(first), features(second), actions))
        same = _same(actions, taught, learner.settings.same_action)
        found.append(retrieve(joint, action, same, generator))
        order = torch.randperm(candidates, generator=generator)
        others = torch.empty_like(order).scatter_(0, order, order.roll(1)).to(joint.device)
        shuffled.append(retrieve(joint[others], action, same, generator))
        by_chance.append(chance(same))
    return Retrieved(mean_retrieval(found), mean_retrieval(shuffled), mean_retrieval(by_chance), candidates)


def _not_averaged(learner: Learner, pairs: FramePairs, data: PreparedData) -> FramesToFeatures:
    """Features of the frames of pairs by the encoder that the heads have learnt from, in place of its average."""
    frames = np.unique(pairs.frames)
    features = embed(learner.encoder, data.frames, frames, learner.augmentation.plain, device=learner.device)
    return lambda chosen: features[torch.from_numpy(np.searchsorted(frames, chosen)).to(features.device)]


def _same(actions: Tensor, taught: TrainedActions, degrees: float) -> Tensor:
    """bool [N, N]: which normalised actions [N, A] are the same: within the method's own tolerance, else a degree."""
    try:
        tell = SameAction(taught.space, taught.normalisation, degrees or 1.0).to(actions.device)
    except ConfigError:  # no angles among these actions
        return torch.cdist(actions, actions, p=torch.inf) <= _SAME_SHARE
    return torch.as_tensor(tell(actions))


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")
