"""The specification of a study: its settings, comparisons and plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.studies.damage import Damage

TRAIN, OVERHEAD, FROZEN = "train", "overhead", "frozen"
PROBE, ALIGNMENT, TIME = "probe", "alignment_viewpoint", "time_over_simclr"
"""The measures that plots show."""


@dataclass(frozen=True)
class Setting:
    """One way to train, run once for each seed.

    settings: of TrainSettings, in addition to those of the whole study. kind: of a run (see studies/run.py).
    budget: multiple of the study's number of updates; 0: no training. split: test on the set test, or on objects taken
    out of the train set ("val"). seeds: their number; 0: that of the study. damage: applied to the training data.
    picture: map the features of the first seed to two dimensions.
    """

    name: str
    settings: dict[str, Any]
    kind: str = TRAIN
    budget: int = 1
    split: str = "test"
    seeds: int = 0
    damage: Damage | None = None
    picture: bool = False


Results = Mapping[str, Mapping[int, dict[str, Any]]]
"""The result of each finished run (see studies/run.py), by setting and seed."""


@dataclass(frozen=True)
class Study:
    """A study: its settings and how they are compared.

    question: that it answers, one sentence. differences: pairs of settings to compare, first minus second.
    lines: for a plot of lines, the settings of each line with their values; swept: the name of these values.
    primary: the measure in the plot. follow: makes further settings and differences from these results.
    tried: names of settings that the study varies; users must not set them. defaults: of all runs; None: none.
    notes: what readers of the table must know about the choice of settings, one sentence or more each.
    """

    name: str
    question: str
    settings: tuple[Setting, ...]
    differences: tuple[tuple[str, str], ...] = ()
    lines: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    swept: str = ""
    primary: str = PROBE
    follow: Callable[[Results], Study] | None = None
    tried: tuple[str, ...] = ()
    defaults: Defaults | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Defaults:
    """What a study sets unless the user does. updates: of each run; 0: by epochs. quick: with --quick, beside them."""

    settings: dict[str, Any]
    evaluation: dict[str, Any]
    updates: int = 0
    quick: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choices:
    """The user's choices for a study; empty: the study's own choice.

    methods: to compare; values: of the swept setting; grid: values of each setting in the grid; grid_seeds: number of
    runs of each point of the grid. near: window of frames that are seen from similar sides; validated: if the data has
    objects to choose settings on. turns: if the action is a pose with known rotations. actions: if there is a better
    action than the time between two frames.
    """

    methods: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    grid_seeds: int = 1
    near: str = "frames:3"
    validated: bool = True
    turns: bool = False
    actions: bool = True
