"""What the user asks of a study, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aassl_ros.studies.spec import Choices, Study


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    settings: of TrainSettings, for every run; evaluation: of EvaluationSettings.
    updates: of each run; 0: by settings["epochs"]. only: names of settings; empty: all.
    length: number of updates of each run by either of the two; 0 before the data is known.
    forgetting: prepared data of other categories; held_out: categories that are not trained on.
    """

    study: str
    out: Path
    data: Path
    seeds: int
    settings: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    updates: int = 0
    only: tuple[str, ...] = ()
    choices: Choices = field(default_factory=Choices)
    quick: bool = False
    length: int = 0
    forgetting: Path | None = None
    held_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """The results of a study.

    results: by setting and seed; failed: reasons of failed runs, by setting and seed. notes: about the data and the
    choices of the study. objects: the largest number of labelled objects that a category has, 0 if unknown.
    shot_notes: about the numbers of labelled objects.
    """

    study: Study
    request: Request
    fingerprint: str
    test_instances: int
    results: dict[str, dict[int, dict[str, Any]]]
    failed: dict[tuple[str, int], str]
    notes: tuple[str, ...] = ()
    objects: int = 0
    shot_notes: tuple[str, ...] = ()
