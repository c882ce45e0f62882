"""A study from beginning to end: its settings become runs, the runs are done wherever there is room, then the table.

DIR/study.json says which study DIR holds; DIR/runs/SETTING-seedK is one run; DIR/table.json, table.md and plot.png come
last. Begun again it does what is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aassl_ros.data.prepared import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.evaluation import EvaluationSettings
from aassl_ros.learning.evaluation_split import make_split
from aassl_ros.learning.methods import METHODS
from aassl_ros.learning.train_settings import TrainSettings
from aassl_ros.settings import from_mapping
from aassl_ros.studies.definitions import STUDIES, Choices, Setting, Study
from aassl_ros.studies.progress import Outcome, Scheduler, Show, name_of
from aassl_ros.studies.run import RunSpec, read_result, write_json

STUDY = "study.json"
_OWN = ("seed", "validation", "max_seconds", "torch_threads", "keep", "device")
"""Settings that a study gives its runs itself."""
QUICK = {"width": 4, "batch": 32, "frames_per_episode": 4, "few_shot_draws": 5}
QUICK_UPDATES = 6


@dataclass(frozen=True)
class Request:
    """What is asked for. settings: of TrainSettings, for every run; evaluation: of EvaluationSettings.

    updates: of each run, 0: by settings["epochs"]; only: names of settings, empty: all.
    """

    study: str
    out: Path
    data: Path
    seeds: int
    settings: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    updates: int = 0
    only: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    quick: bool = False


@dataclass(frozen=True)
class Conclusion:
    """What a study has come to. results: by setting and seed; failed: by setting and seed, the reason."""

    study: Study
    request: Request
    fingerprint: str
    test_instances: int
    results: dict[str, dict[int, dict[str, Any]]]
    failed: dict[tuple[str, int], str]


def conduct(request: Request, scheduler: Scheduler, show: Show, stop: Callable[[], bool]) -> Conclusion:
    """Do what is left of a study. Raises Interrupted, ConfigError (wrong use) or DataError (data it cannot use)."""
    request = _quickened(request)
    study = plan(request)
    data = PreparedData.open(request.data)
    instances = _check_data(data, study, request)
    _claim(request, data.fingerprint)
    specs = [_spec(setting, seed, request) for setting in study.settings for seed in range(request.seeds)]
    outcomes = _outcomes(specs, scheduler, show, stop)
    conclusion = Conclusion(study, request, data.fingerprint, instances, {}, {})
    for spec in specs:
        outcome = outcomes[name_of(spec)]
        if isinstance(outcome, str):
            conclusion.failed[spec.setting, spec.seed] = outcome
        else:
            conclusion.results.setdefault(spec.setting, {})[spec.seed] = outcome
    return conclusion


def plan(request: Request) -> Study:
    """The study with the settings asked for. Raises ConfigError for what is unknown or cannot be set."""
    if request.study not in STUDIES:
        raise ConfigError(f"there is no study {request.study!r}, expected one of {', '.join(STUDIES)}.")
    unknown = [name for name in request.methods if name not in METHODS]
    if unknown:
        raise ConfigError(f"--methods: there is no method {unknown[0]!r}, expected some of {', '.join(METHODS)}.")
    study = STUDIES[request.study](Choices(request.methods))
    names = [setting.name for setting in study.settings]
    unknown = [name for name in request.only if name not in names]
    if unknown:
        raise ConfigError(f"--only: there is no setting {unknown[0]!r}, expected some of {', '.join(names)}.")
    own = [name for name in _OWN if name in request.settings]
    if own:
        raise ConfigError(f"--set {own[0]}: a study gives its runs this itself. Leave it out.")
    varied = set.intersection(*(set(setting.settings) for setting in study.settings)) & set(request.settings)
    if varied:
        raise ConfigError(f"--set {min(varied)}: that is what the study {study.name} varies. Leave it out.")
    for setting in study.settings:
        from_mapping(TrainSettings, {**request.settings, **setting.settings}, source="--set")
    from_mapping(EvaluationSettings, request.evaluation, source="--set")
    kept = tuple(setting for setting in study.settings if not request.only or setting.name in request.only)
    return replace(study, settings=kept)


def _quickened(request: Request) -> Request:
    """With --quick, so little training that all of it works in a minute or two; what was asked for still holds."""
    if not request.quick:
        return request
    evaluation = {name: value for name, value in QUICK.items() if name not in ("width", "batch")}
    settings = {name: value for name, value in QUICK.items() if name not in evaluation}
    return replace(
        request,
        settings={**settings, **request.settings},
        evaluation={**evaluation, **request.evaluation},
        updates=request.updates or QUICK_UPDATES,
    )


def _check_data(data: PreparedData, study: Study, request: Request) -> int:
    """The number of test instances. Raises DataError where there are too few for an interval."""
    settings = from_mapping(EvaluationSettings, request.evaluation, source="--set")
    names = make_split(data, "test", settings.frames_per_episode).test.names
    if len(names) < 2:
        raise DataError(f"{data.path} has {len(names)} test instance, expected two or more: an interval needs them.")
    return len(names)


def _claim(request: Request, fingerprint: str) -> None:
    """Make DIR this study's. Raises ConfigError where it holds another."""
    identity = {
        "study": request.study,
        "quick": request.quick,
        "updates": request.updates,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": fingerprint,
    }
    identity = json.loads(json.dumps(identity))
    file = request.out / STUDY
    if file.exists():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read ({error}). Take another --out.") from error
        for name, value in identity.items():
            if found.get(name) != value:
                raise ConfigError(
                    f"{request.out} was begun with {name} = {found.get(name)!r}, now it is {value!r}. "
                    "Ask for the same, or take another --out."
                )
    write_json(file, identity)


def _spec(setting: Setting, seed: int, request: Request) -> RunSpec:
    settings = {**request.settings, **setting.settings, "seed": seed}
    if not request.updates and setting.budget != 1:
        settings["epochs"] = setting.budget * settings.get("epochs", TrainSettings().epochs)
    return RunSpec(
        setting=setting.name,
        seed=seed,
        folder=(request.out / "runs" / f"{slug(setting.name)}-seed{seed}").absolute(),
        data=request.data.absolute(),
        settings=settings,
        updates=setting.budget * request.updates,
        evaluation=request.evaluation,
    )


def slug(name: str) -> str:
    """A setting's name as part of a folder's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


def _outcomes(
    specs: Sequence[RunSpec], scheduler: Scheduler, show: Show, stop: Callable[[], bool]
) -> dict[str, Outcome]:
    """Of every run, those finished before included."""
    outcomes: dict[str, Outcome] = {}
    for spec in specs:
        done = read_result(spec)
        if done is not None:
            outcomes[name_of(spec)] = done
    left = [spec for spec in specs if name_of(spec) not in outcomes]
    return {**outcomes, **(scheduler.run(left, show, stop) if left else {})}
