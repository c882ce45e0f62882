"""The studies: what each asks, and its settings. A new one is a function here and a line in STUDIES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.learning.methods import METHODS


@dataclass(frozen=True)
class Setting:
    """One way to train, done once for each seed. settings: of TrainSettings, beside those common to the study.

    budget: multiple of the study's number of updates. line, value: where it lies in the plot of a swept value.
    """

    name: str
    settings: dict[str, Any]
    budget: int = 1
    line: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Study:
    """question: in one sentence. differences: settings compared, first minus second. swept: name of a swept value."""

    name: str
    question: str
    settings: tuple[Setting, ...]
    differences: tuple[tuple[str, str], ...] = ()
    swept: str = ""


@dataclass(frozen=True)
class Choices:
    """What one may choose of a study. methods: those to compare; empty: the study's own choice."""

    methods: tuple[str, ...] = field(default=())


def methods(choices: Choices) -> Study:
    """Equal updates, encoder and data; and SimCLR at equal frames, for pairs of two frames see twice as many."""
    names = choices.methods or tuple(METHODS)
    settings = [Setting(name, {"method": name}) for name in names]
    references: list[str] = [name for name in ("simclr", "simclr_tt") if name in names]
    if "simclr" in names:
        settings.append(Setting("simclr_equal_frames", {"method": "simclr"}, budget=2))
        references.append("simclr_equal_frames")
    differences = [(name, reference) for name in names for reference in references if name != reference]
    for name in names:
        base = name.removeprefix("aa_")
        if base != name and base in names:
            differences.append((name, base))
    return Study(
        "methods",
        "Which method sees best, given equal updates, encoder and data?",
        tuple(settings),
        tuple(dict.fromkeys(differences)),
    )


def controls(choices: Choices) -> Study:
    """What is left of the gain when the actions, or the images, are not those of the pair."""
    settings = []
    for name in choices.methods or ("aa_simclr",):
        taught = {"method": name}
        settings += [
            Setting(name, taught),
            Setting(f"{name} actions shuffled", {**taught, "control": "actions_shuffled"}),
            Setting(f"{name} time alone", {**taught, "action_space": "time"}),
            Setting(f"{name} turn size alone", {**taught, "action_space": "turn_size"}),
            Setting(f"{name} images shuffled", {**taught, "control": "images_shuffled"}),
        ]
    differences = [
        (name, setting.name)
        for name in choices.methods or ("aa_simclr",)
        for setting in settings
        if setting.name.startswith(f"{name} ")
    ]
    references = [Setting(name, {"method": name}) for name in ("simclr_tt", "simclr")]
    differences += [(setting.name, reference.name) for setting in settings for reference in references]
    return Study(
        "controls",
        "How much of the gain is due to actions that fit their images?",
        (*settings, *references),
        tuple(differences),
    )


STUDIES: dict[str, Callable[[Choices], Study]] = {"methods": methods, "controls": controls}
