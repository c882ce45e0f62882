"""All studies: the question of each, and its settings. A new one is a function here and a line in STUDIES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aassl_ros.data.pairs.window import parse_window
from aassl_ros.errors import ConfigError
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.studies.adaptation import adaptation
from aassl_ros.studies.damage import Damage
from aassl_ros.studies.grid import grid
from aassl_ros.studies.spec import ALIGNMENT, OVERHEAD, TIME, Choices, Setting, Study

_NO_CROP = {"crop_minimum": 1.0, "crop_maximum": 1.0}
_NO_JITTER = {"jitter_probability": 0.0}
_NO_GRAY = {"gray_probability": 0.0}
_AT_THE_END = 1.25
"""Position of the window `episode` in the plot over windows, as a multiple of the widest other window."""


def methods(choices: Choices) -> Study:
    """Compare methods with equal updates, encoder and data.

    SimCLR also runs with twice the updates, because pairs of two frames use twice as many frames.
    """
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
    question = "Which method recognises objects best, given equal updates, encoder and data?"
    return Study("methods", question, tuple(settings), tuple(dict.fromkeys(differences)))


def controls(choices: Choices) -> Study:
    """Measure how much of the gain is left if the actions, or the images, are not those of the pair."""
    settings, differences = [], []
    for name in _with_actions(choices):
        method: dict[str, Any] = {"method": name}
        # The user's action_components are of the true action; these actions have one entry. Time is not an angle.
        one_number = {**method, "action_components": ()}
        corrupted = [
            Setting(f"{name} actions shuffled", {**method, "control": "actions_shuffled"}),
            Setting(f"{name} time alone", {**one_number, "action_space": "time", "same_action": 0.0}),
            Setting(f"{name} turn size alone", {**one_number, "action_space": "turn_size"}),
            Setting(f"{name} images shuffled", {**method, "control": "images_shuffled"}),
        ]
        settings += [Setting(name, method), *corrupted]
        differences += [(name, control.name) for control in corrupted]
    references = [Setting(name, {"method": name}) for name in ("simclr_tt", "simclr")]
    differences += [(setting.name, reference.name) for setting in settings for reference in references]
    question = "How much of the gain comes from actions that belong to their images?"
    return Study("controls", question, (*settings, *references), tuple(differences))


def action_noise(choices: Choices) -> Study:
    """Measure how exact actions must be: add noise, and reduce their resolution."""
    values = _numbers(choices, (0.1, 0.3, 1.0, 3.0))
    settings, differences, lines = [], [], {}
    reference = Setting("simclr_tt", {"method": "simclr_tt"})
    for name in _with_actions(choices):
        exact = Setting(name, {"method": name})
        settings.append(exact)
        for kind, key in (("noise", "action_noise"), ("step", "action_precision")):
            swept = [(Setting(f"{name} {kind} {value:g}", {"method": name, key: value}), value) for value in values]
            settings += [setting for setting, _ in swept]
            lines[f"{name}, {kind}"] = ((exact.name, 0.0), *((setting.name, value) for setting, value in swept))
        differences += [(each.name, reference.name) for each in settings]
    lines[reference.name] = ((reference.name, 0.0), (reference.name, max(values)))
    return Study(
        "action-noise",
        "How much noise on actions, and how coarse a resolution, is tolerable?",
        (*settings, reference),
        tuple(dict.fromkeys(differences)),
        lines,
        "noise, or step of rounding, in units of a normalised action (interquartile range 1)",
    )


def augmentations(choices: Choices) -> Study:
    """Measure the effect of each augmentation, with and without actions."""
    removed = {
        "without crop": _NO_CROP,
        "without colour jitter": _NO_JITTER,
        "without gray": _NO_GRAY,
        "without any": {**_NO_CROP, **_NO_JITTER, **_NO_GRAY},
    }
    names = choices.methods or ("simclr_tt", "aa_simclr")
    settings, differences = [], []
    for name in names:
        settings.append(Setting(name, {"method": name}))
        for without, changes in removed.items():
            settings.append(Setting(f"{name} {without}", {"method": name, **changes}))
            differences.append((f"{name} {without}", name))
    for first, second in zip(names[1:], names[:1] * len(names), strict=False):
        differences += [(first, second), *((f"{first} {without}", f"{second} {without}") for without in removed)]
    question = "Which augmentations does a method need, and can actions replace some?"
    return Study("augmentations", question, tuple(settings), tuple(differences))


def window(choices: Choices) -> Study:
    """Vary how far apart the two frames of a pair may be."""
    windows = choices.values or ("frames:1", "frames:2", "frames:5", "frames:10", "episode")
    reach = [_reach(each) for each in windows]
    widest = max([value for value in reach if value is not None], default=1.0)
    names = choices.methods or ("simclr_tt", "aa_simclr")
    lines = {
        name: tuple(
            (f"{name} {each}", _AT_THE_END * widest if value is None else value)
            for each, value in zip(windows, reach, strict=True)
        )
        for name in names
    }
    settings = [Setting(f"{name} {each}", {"method": name, "window": each}) for name in names for each in windows]
    differences = [(f"{name} {each}", f"{names[0]} {each}") for name in names[1:] for each in windows]
    unit = windows[0].split(":")[0]
    swept = f"window, {unit}" + (" (the whole episode at the right end)" if None in reach else "")
    question = "How far apart should the two frames of a pair be?"
    return Study("window", question, tuple(settings), tuple(differences), lines, swept)


def viewpoints(choices: Choices) -> Study:
    """Measure if different objects of a category have similar features at the same view."""
    names = choices.methods or ("simclr", "simclr_tt", "aa_simclr", "ciper", "equimod", "sie")
    settings = tuple(Setting(name, {"method": name}, picture=True) for name in names)
    question = "Do different objects of a category have similar features at the same view?"
    return Study("viewpoints", question, settings, primary=ALIGNMENT)


def frames(choices: Choices) -> Study:
    """Measure the effect of damaged recordings on training; all times in frames."""
    harm = {
        "a quarter missing": Damage(missing=0.25),
        "three quarters missing": Damage(missing=0.75),
        "uneven rate": Damage(uneven=True),
        "stamps wrong by up to half a frame": Damage(jitter=0.5),
        "joints late by 1 frame": Damage(latency=1.0),
        "joints late by 3 frames": Damage(latency=3.0),
    }
    settings, differences = [], []
    for name in choices.methods or ("simclr_tt", "aa_simclr"):
        settings.append(Setting(name, {"method": name}))
        for what, damage in harm.items():
            if METHODS[name].uses_actions or damage.loses_frames:  # other methods do not use states
                settings.append(Setting(f"{name} {what}", {"method": name}, damage=damage))
                differences.append((f"{name} {what}", name))
    question = "What do missing frames, uneven rates and late joint states cost?"
    return Study("frames", question, tuple(settings), tuple(differences))


def overhead(choices: Choices) -> Study:
    """Compare time and memory of each method with SimCLR; all are timed in turn in one run."""
    names = tuple(dict.fromkeys(("simclr", *(choices.methods or METHODS))))
    settings = (Setting("overhead", {"methods": list(names)}, kind=OVERHEAD),)
    return Study("overhead", "What does a method cost, relative to SimCLR?", settings, primary=TIME)


STUDIES: dict[str, Callable[[Choices], Study]] = {
    "methods": methods,
    "controls": controls,
    "action-noise": action_noise,
    "augmentations": augmentations,
    "window": window,
    "overhead": overhead,
    "viewpoints": viewpoints,
    "frames": frames,
    "grid": grid,
    "adaptation": adaptation,
}


def _with_actions(choices: Choices) -> tuple[str, ...]:
    """Return the methods whose actions are corrupted. Raises ConfigError for a method that uses no actions."""
    for name in choices.methods:
        if not METHODS[name].uses_actions:
            some = ", ".join(each for each, method in METHODS.items() if method.uses_actions)
            raise ConfigError(f"--methods: {name} uses no actions, expected some of {some}.")
    return choices.methods or ("aa_simclr",)


def _numbers(choices: Choices, default: Sequence[float]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in choices.values) or tuple(default)
    except ValueError as error:
        raise ConfigError(f"--values {','.join(choices.values)}: expected numbers.") from error


def _reach(text: str) -> float | None:
    """Return the largest distance of a window, None for the whole episode. Raises ConfigError if it is not a window."""
    if text == "episode":
        return None
    if text == "next":
        return 1.0
    return parse_window(text, "--values").maximum
