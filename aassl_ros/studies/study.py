"""A study from start to end: make runs of its settings, execute them with a scheduler, collect the results.

DIR/study.json names the study in DIR; DIR/runs/SETTING-seedK is one run; DIR/table.json, table.md and the plots are
written last. If a study is started again, it executes only the runs that are left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.prepared.data import VIEWS, PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings
from aassl_ros.learning.objectives.methods import METHODS, masks_same_actions
from aassl_ros.learning.readout.split import make_split
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.one_process import alone
from aassl_ros.settings import from_mapping
from aassl_ros.studies.adaptation import CONTESTANTS, has_turns, has_validation, near_window
from aassl_ros.studies.catalogue import STUDIES
from aassl_ros.studies.other_categories import other_categories, split_of, without_categories
from aassl_ros.studies.progress import Show
from aassl_ros.studies.run import Outcome, RunSpec, name_of, read_result, write_json
from aassl_ros.studies.spec import ALIGNMENT, FROZEN, OVERHEAD, Choices, Setting, Study

STUDY = "study.json"
OWN = ("seed", "updates", "validation", "max_seconds", "torch_threads", "keep", "device")
"""Settings that a study sets for its runs itself."""
FIXED = (*OWN, "epochs")
"""Settings that a grid cannot vary."""
QUICK_SETTINGS = {"width": 4, "batch": 32}
QUICK_EVALUATION = {"frames_per_episode": 4, "few_shot_draws": 5}
QUICK_UPDATES = 6
_VALIDATION = {"measures": ["category"], "baselines": False}
"""What is measured on validation objects, to choose settings."""


class Scheduler(Protocol):
    """Executes runs, as many in parallel as there are processors or GPUs."""

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        """Return the outcome of each run, by its folder's name.

        If stop() returns true, it lets all runs save and raises Interrupted.
        """
        ...


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
    """The results of a study. results: by setting and seed; failed: reasons of failed runs, by setting and seed."""

    study: Study
    request: Request
    fingerprint: str
    test_instances: int
    results: dict[str, dict[int, dict[str, Any]]]
    failed: dict[tuple[str, int], str]


def conduct(request: Request, scheduler: Scheduler, show: Show, stop: Callable[[], bool]) -> Conclusion:
    """Execute what is left of a study.

    Raises Interrupted if stop() returns true, ConfigError for wrong use, DataError if the data is not suitable.
    """
    request = _quickened(request)
    whole = PreparedData.open(request.data)
    data = without_categories(whole, request.held_out)
    choices = replace(request.choices, near=near_window(data), validated=has_validation(data), turns=has_turns(data))
    request = with_defaults(replace(request, choices=choices))
    study = plan(request)
    instances = _check_data(data, study, request)
    other = other_categories(whole, request.forgetting, request.held_out)
    if other is not None:
        make_split(other, split_of(other), 1)  # raises DataError before hours of training
    with alone(request.out, "aassl study"):
        _claim(request, data.fingerprint)
        request = replace(request, length=request.updates or _updates(study, request, data))
        conclusion = Conclusion(study, request, data.fingerprint, instances, {}, {})
        _carry_out(study.settings, conclusion, scheduler, show, stop)
        if study.follow is None:
            return conclusion
        more = study.follow(conclusion.results)
        _carry_out(more.settings, conclusion, scheduler, show, stop)
    complete = replace(study, settings=(*study.settings, *more.settings), differences=more.differences)
    return replace(conclusion, study=complete)


def _carry_out(
    settings: Sequence[Setting], conclusion: Conclusion, scheduler: Scheduler, show: Show, stop: Callable[[], bool]
) -> None:
    """Execute what is left of the runs of these settings, and add their results to `conclusion`."""
    request = conclusion.request
    # Seed by seed: if a study is stopped early, its finished runs can be compared.
    seeds = {each.name: each.seeds or request.seeds for each in settings}
    most = max(seeds.values(), default=0)
    specs = [_spec(each, seed, request) for seed in range(most) for each in settings if seed < seeds[each.name]]
    outcomes = _outcomes(specs, scheduler, show, stop)
    for spec in specs:
        outcome = outcomes[name_of(spec)]
        if isinstance(outcome, str):
            conclusion.failed[spec.setting, spec.seed] = outcome
        else:
            conclusion.results.setdefault(spec.setting, {})[spec.seed] = outcome


def plan(request: Request) -> Study:
    """Make the study that the user asks for. Raises ConfigError for unknown names, and for what cannot be set."""
    if request.study not in STUDIES:
        raise ConfigError(f"there is no study {request.study!r}, expected one of {', '.join(STUDIES)}.")
    unknown = [name for name in request.choices.methods if name not in (*METHODS, *CONTESTANTS)]
    if unknown:
        raise ConfigError(f"--methods: there is no method {unknown[0]!r}, expected some of {', '.join(METHODS)}.")
    study = STUDIES[request.study](request.choices)
    names = [setting.name for setting in study.settings]
    unknown = [name for name in request.only if name not in names]
    if unknown:
        raise ConfigError(f"--only: there is no setting {unknown[0]!r}, expected some of {', '.join(names)}.")
    fixed = [name for name in FIXED if name in study.tried]
    if fixed:
        raise ConfigError(f"--grid {fixed[0]}: it must be the same in all runs of a study. Leave it out.")
    own = [name for name in OWN if name in request.settings]
    if own:
        advice = "Use --updates" if own[0] == "updates" else "Leave it out"
        raise ConfigError(f"--set {own[0]}: a study sets it for its runs itself. {advice}.")
    varied = set.intersection(*(set(setting.settings) for setting in study.settings)) | set(study.tried)
    varied &= set(request.settings)
    if varied:
        raise ConfigError(f"--set {min(varied)}: the study {study.name} varies it. Leave it out.")
    for setting in study.settings:
        values = {**request.settings, **setting.settings}
        settings = from_mapping(
            TrainSettings, {name: value for name, value in values.items() if name != "methods"}, source="--set"
        )
        parse_window(settings.window)
    from_mapping(EvaluationSettings, request.evaluation, source="--set")
    kept = tuple(setting for setting in study.settings if not request.only or setting.name in request.only)
    return replace(study, settings=kept)


def _quickened(request: Request) -> Request:
    """Apply --quick: so little training that the study takes a minute or two. The user's own values are kept."""
    if not request.quick:
        return request
    return replace(
        request,
        settings={**QUICK_SETTINGS, **request.settings},
        evaluation={**QUICK_EVALUATION, **request.evaluation},
        updates=request.updates or QUICK_UPDATES,
    )


def with_defaults(request: Request) -> Request:
    """Set what the study sets unless the user does, but nothing that its grid varies. Its choices must be known."""
    study = STUDIES[request.study](request.choices) if request.study in STUDIES else None
    if study is None or study.defaults is None:
        return request
    own = {**study.defaults.settings, **(study.defaults.quick if request.quick else {})}
    if "action_space" in request.settings:  # its components may be others
        own.pop("action_components", None)
    return replace(
        request,
        settings={**{name: value for name, value in own.items() if name not in study.tried}, **request.settings},
        evaluation={**study.defaults.evaluation, **request.evaluation},
        updates=request.updates or (0 if "epochs" in request.settings else study.defaults.updates),
    )


def _check_data(data: PreparedData, study: Study, request: Request) -> int:
    """Return the number of test instances. Raises DataError if there are too few for an interval, or no views."""
    settings = from_mapping(EvaluationSettings, request.evaluation, source="--set")
    names = make_split(data, "test", settings.frames_per_episode).test.names
    if len(names) < 2:
        raise DataError(f"{data.path} has {len(names)} test instance, expected two or more for an interval.")
    if study.primary == ALIGNMENT and not (request.data / VIEWS).is_dir():
        raise DataError(
            f"{request.data} has no grid of views ({VIEWS}/), which {study.name} needs. Make the data with aassl synth."
        )
    return len(names)


def _claim(request: Request, fingerprint: str) -> None:
    """Write the identity of the study to DIR. Raises ConfigError if DIR contains another study."""
    identity = {
        "study": request.study,
        "quick": request.quick,
        "updates": request.updates,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": fingerprint,
    }
    if request.forgetting is not None or request.held_out:
        other = PreparedData.open(request.forgetting).fingerprint if request.forgetting else ""
        identity |= {"forgetting": other, "held_out": list(request.held_out)}
    identity = json.loads(json.dumps(identity))
    file = request.out / STUDY
    if file.exists():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read ({error}). Choose another --out.") from error
        for name, value in identity.items():
            if found.get(name) != value:
                raise ConfigError(
                    f"{request.out} was started with {name} = {found.get(name)!r}, now it is {value!r}. "
                    "Use the same value, or choose another --out."
                )
    write_json(file, identity)


def _updates(study: Study, request: Request, data: PreparedData) -> int:
    """Return the number of updates of the epochs over all train frames.

    It is the same for all settings, even if some can use fewer frames.
    """
    if any(setting.kind == OVERHEAD for setting in study.settings):
        return 0
    settings = from_mapping(TrainSettings, request.settings, source="--set")
    return settings.epochs * (len(data.indices(settings.sets)) // settings.batch)


def _spec(setting: Setting, seed: int, request: Request) -> RunSpec:
    settings = {**request.settings, **setting.settings, "seed": seed}
    if "same_action" in settings and not masks_same_actions(settings.get("method", TrainSettings().method)):
        settings["same_action"] = 0.0
    evaluation = request.evaluation if setting.split == "test" else {**request.evaluation, **_VALIDATION}
    tested = setting.split == "test"
    if setting.kind == FROZEN and tested:  # baselines do not depend on training: these runs measure them for all
        evaluation = {**evaluation, "baselines": True}
    if not request.updates and setting.budget > 1:
        settings["epochs"] = setting.budget * settings.get("epochs", TrainSettings().epochs)
    return RunSpec(
        setting=setting.name,
        seed=seed,
        folder=(request.out / "runs" / f"{slug(setting.name)}-seed{seed}").absolute(),
        data=request.data.absolute(),
        settings=settings,
        kind=setting.kind,
        updates=setting.budget * request.updates,
        length=setting.budget * request.length,
        split=setting.split,
        damage=setting.damage,
        picture=setting.picture and seed == 0,
        evaluation=evaluation,
        forgetting=request.forgetting.absolute() if request.forgetting and tested else None,
        held_out=request.held_out,
    )


def slug(name: str) -> str:
    """Convert a setting's name to a part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def _outcomes(
    specs: Sequence[RunSpec], scheduler: Scheduler, show: Show, stop: Callable[[], bool]
) -> dict[str, Outcome]:
    """Return the outcome of every run, including those that were finished before."""
    outcomes: dict[str, Outcome] = {}
    for spec in specs:
        done = read_result(spec)
        if done is not None:
            outcomes[name_of(spec)] = done
    left = [spec for spec in specs if name_of(spec) not in outcomes]
    return {**outcomes, **(scheduler.run(left, show, stop) if left else {})}
