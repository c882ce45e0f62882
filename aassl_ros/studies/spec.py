"""What a study is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.studies.damage import Damage

TRAIN, OVERHEAD = "train", "overhead"
PROBE, ALIGNMENT, TIME = "probe", "alignment_viewpoint", "time_over_simclr"
"""The measures that plots show."""


@dataclass(frozen=True)
class Setting:
    """One way to train, done once for each seed. settings: of TrainSettings, beside those common to the study.

    kind: what a run does (see studies/run.py). budget: multiple of the study's number of updates. split: tested on the
    set test, or on objects taken out of the train set ("val"). seeds: how many; 0: as many as the study has. damage:
    done to the data it learns from. picture: the features of the first seed are laid out in the plane.
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
"""By setting and seed: what studies/run.py leaves of each finished run."""


@dataclass(frozen=True)
class Study:
    """question: in one sentence. differences: settings compared, first minus second.

    lines: settings at the values that the plot shows them at, by line; swept: what the values are.
    primary: the measure that the plot shows. follow: settings and differences to be added, given these results.
    tried: what some settings try out, though not all of them: nobody else may set it.
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


@dataclass(frozen=True)
class Choices:
    """What one may choose of a study; empty: the study's own choice.

    methods: to compare; values: of what is swept; grid: values of each setting that is tried; grid_seeds: runs of each
    point of the grid.
    """

    methods: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    grid_seeds: int = 1
