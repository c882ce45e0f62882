"""Adaptation of a published encoder: the frozen encoder against methods that train it further, best against best.

Each method gets the same grid of settings and chooses its point on validation objects. The test split is read once,
by the best point of each method.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.turns import turn_angle
from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.errors import DataError
from aassl_ros.learning.batches.space_choice import choose_spaces
from aassl_ros.learning.compute.device import AUTO
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.optimization.adaptation import ADAPTATION_DEFAULTS, ADAPTATION_RUN
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.settings import from_mapping
from aassl_ros.studies.grid import best, candidate, points, rank, tie_notes
from aassl_ros.studies.spec import FROZEN, Choices, Defaults, Results, Setting, Study

FROZEN_NAME = "frozen"
_WITH_ACTIONS = "aa_simclr"
_TURN = ("rotation",)  # the component of a pose
_NEAR_DEG, _STEP_DEG = 40, 5
_REACHED = 0.9  # share of the frames that must have a partner within _NEAR_DEG
_ROOM = 1.2  # of a wider window, over the median of the smallest turns
CONTESTANTS: dict[str, dict[str, Any]] = {
    "simclr_tt": {"method": "simclr_tt"},
    "aa_simclr concat": {"method": "aa_simclr", "fusion": "concat"},
    "aa_simclr difference": {"method": "aa_simclr", "fusion": "difference"},
    "simclr": {"method": "simclr"},
    "ciper": {"method": "ciper"},
    "equimod": {"method": "equimod"},
    "byol": {"method": "byol"},
    "aa_byol": {"method": "aa_byol"},
}
_ENCODER_RATES = (5e-5, 2e-4)
_DEFAULTS = Defaults(
    settings={
        **{name: value for name, value in ADAPTATION_DEFAULTS.items()},
        **{name: value for name, value in ADAPTATION_RUN.items() if name != "updates"},
    },
    evaluation={"measures": ["category"], "shots": [1, 2, 5, 10, 0], "baselines": False},
    updates=ADAPTATION_RUN["updates"],
    # A trial of seconds: a tiny encoder with random weights.
    quick={"encoder": "resnet18", "weights": "", "image_size": 16},
)


def adaptation(choices: Choices) -> Study:
    """Make a study of the frozen encoder and of methods that adapt it, each with its best point of one grid."""
    contestants, notes = _contestants(choices), _left_out(choices)
    grid = choices.grid or {"encoder_lr": _ENCODER_RATES, "window": tuple(dict.fromkeys((choices.near, "episode")))}
    frozen = Setting(FROZEN_NAME, {"method": "simclr"}, kind=FROZEN, budget=0)
    question = "Does training on handled objects improve a published encoder, and does the action add to it?"
    defaults = _DEFAULTS
    if choices.turns:  # crops hide where an object is, so its translation only disturbs the action term
        defaults = replace(_DEFAULTS, settings={**_DEFAULTS.settings, "action_components": _TURN})
    study = Study("adaptation", question, (frozen,), defaults=defaults, tried=tuple(grid), notes=notes)
    if not choices.validated:  # nothing to choose on: the middle of the grid for every method
        single = {} if choices.grid else {"window": choices.near}
        chosen = {name: Setting(name, {**own, **single}) for name, own in contestants.items()}
        compared = _compared(chosen, None)
        return replace(study, settings=(frozen, *compared), differences=_differences(compared), tried=())
    candidates = {
        name: [candidate(name, own, point, choices.grid_seeds) for point in points(own, grid)]
        for name, own in contestants.items()
    }
    on_validation = replace(frozen, name=f"{FROZEN_NAME}, validation", split="val", seeds=1)

    def follow(results: Results) -> Study:
        winners = {name: best(own, results) for name, own in candidates.items()}
        chosen = {name: _tested(winner) for name, winner in winners.items() if winner is not None}
        scores = {name: rank(winner, results) for name, winner in winners.items() if winner is not None}
        compared = _compared(chosen, scores)
        ties = tie_notes(candidates.values(), results)
        return replace(study, settings=(frozen, *compared), differences=_differences(compared), notes=ties)

    tried = (on_validation, *itertools.chain.from_iterable(candidates.values()))
    return replace(study, settings=tried, follow=follow)


def near_window(data: PreparedData) -> str:
    """The window of frames seen from similar sides: turns of up to 40 degrees if rotations are known, else 3 frames.

    If an object was turned in larger steps, it is a window that reaches the nearest frames.
    """
    everything = np.arange(len(data))
    known = np.isfinite(turn_angle(data, everything, everything))
    if not len(known) or known.mean() < 0.5:
        return "frames:3"
    return f"degrees:{_near_degrees(data)}"


def _near_degrees(data: PreparedData) -> int:
    """40 if 90 % of the train frames have a partner within it, else 1.2 times the median of their smallest turns."""
    frames = data.indices(("train",))
    try:
        reach = PairSampler(data, frames, parse_window(f"degrees:{_NEAR_DEG}")).reach()
    except DataError:  # no pairs at all: training says so
        reach = None
    if reach is None or reach.without <= 1 - _REACHED or not np.isfinite(reach.nearest_deg):
        return _NEAR_DEG
    wanted = _ROOM * reach.nearest_deg / _STEP_DEG
    return int(np.clip(_STEP_DEG * np.ceil(wanted - 1e-3), _NEAR_DEG, 180))


def has_turns(data: PreparedData) -> bool:
    """If the action that is chosen automatically is a pose, the only action, whose rotation most frames have."""
    try:
        spaces = choose_spaces(data, data.indices(("train",)), TrainSettings()).spaces
    except DataError:  # the run says what is wrong
        return False
    if len(spaces) != 1 or spaces[0].name not in ("object_pose", "end_effector"):
        return False
    return float(ActionSpace(spaces[0].name, components=_TURN).usable(data).mean()) >= 0.5


def has_validation(data: PreparedData) -> bool:
    """If some category has two train objects or more, so that settings can be chosen on one of them."""
    return bool(validation_instances(data))


def has_actions(data: PreparedData, settings: Mapping[str, Any]) -> bool:
    """If data have a better action than the time between two frames, or the user names one.

    settings: those that the user gave.
    """
    if settings.get("action_space", AUTO) != AUTO:
        return True
    wanted = from_mapping(TrainSettings, {**settings, "method": _WITH_ACTIONS}, source="--set")
    frames = data.indices(wanted.sets)
    if len(frames) == 0:
        return True
    try:
        found = choose_spaces(data, frames, wanted)
    except DataError:  # the runs will say why
        return True
    return any(space.name != "time" for space in found.spaces)


def _contestants(choices: Choices) -> dict[str, dict[str, Any]]:
    if not choices.methods:
        some = _left_out(choices)
        return {name: own for name, own in CONTESTANTS.items() if not (some and METHODS[own["method"]].uses_actions)}
    chosen: dict[str, dict[str, Any]] = {}
    for method in choices.methods:
        known = {name: own for name, own in CONTESTANTS.items() if method in (name, own["method"])}
        chosen |= known or {method: {"method": method}}
    return chosen


def _left_out(choices: Choices) -> tuple[str, ...]:
    """The note about methods that are left out because the data have no action; empty if none is."""
    if choices.actions or choices.methods or "action_space" in choices.grid:
        return ()
    methods = dict.fromkeys(own["method"] for own in CONTESTANTS.values())
    names = ", ".join(name for name in methods if METHODS[name].uses_actions)
    return (
        "The data have no action but the time between two frames: no pose, recorded quantity or joint is known for "
        f"half of them. So the methods with actions ({names}) are left out; --methods adds them.",
    )


def _tested(winner: Setting) -> Setting:
    settings = {name: value for name, value in winner.settings.items() if name != "validation"}
    return Setting(winner.name, settings)


def _compared(chosen: Mapping[str, Setting], scores: Mapping[str, tuple[float, ...]] | None) -> tuple[Setting, ...]:
    """The settings to test: the winners, named `best ...`, and the better AA-SimCLR with shuffled actions."""
    named = {name: replace(each, name=f"best {each.name}") for name, each in chosen.items()}
    actions = [name for name, each in chosen.items() if each.settings["method"] == "aa_simclr"]
    if not actions:
        return tuple(named.values())
    first = max(actions, key=lambda name: scores[name]) if scores else actions[0]
    shuffled = Setting(
        f"{named[first].name}, actions shuffled", {**named[first].settings, "control": "actions_shuffled"}
    )
    after = list(named).index(actions[-1]) + 1
    settings = list(named.values())
    return (*settings[:after], shuffled, *settings[after:])


def _differences(compared: tuple[Setting, ...]) -> tuple[tuple[str, str], ...]:
    """Each against the frozen encoder and SimCLR-TT; actions against shuffled ones; AA-SimCLR and AA-BYOL against the
    methods without actions.
    """
    of_method: dict[str, list[str]] = {}
    for each in compared:
        key = "shuffled" if "control" in each.settings else each.settings["method"]
        of_method.setdefault(key, []).append(each.name)
    pairs = [(each.name, FROZEN_NAME) for each in compared]
    for reference in of_method.get("simclr_tt", []):
        pairs += [(each.name, reference) for each in compared if each.name != reference]
    for ours, theirs in (("aa_simclr", "simclr"), ("aa_simclr", "shuffled"), ("aa_byol", "byol")):
        pairs += [(a, b) for a in of_method.get(ours, []) for b in of_method.get(theirs, [])]
    return tuple(dict.fromkeys(pairs))
