"""From a request to the settings of a study: its defaults, and what cannot be set."""

from __future__ import annotations

from dataclasses import replace

from aassl_ros.data.pairs.window import parse_window
from aassl_ros.errors import ConfigError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.settings import from_mapping
from aassl_ros.studies.adaptation import CONTESTANTS
from aassl_ros.studies.catalogue import STUDIES
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import Study

OWN = ("seed", "updates", "validation", "max_seconds", "torch_threads", "keep", "device", "early_stop")
"""Settings that a study sets for its runs itself."""
_REASONS = {
    "updates": "a study sets it for its runs itself. Use --updates",
    "early_stop": "the runs of a study have equally many updates, and some would stop earlier. Leave it out",
}
FIXED = (*OWN, "epochs")
"""Settings that a grid cannot vary."""
QUICK_SETTINGS = {"width": 4, "batch": 32}
QUICK_EVALUATION = {"frames_per_episode": 4, "few_shot_draws": 5}
QUICK_UPDATES = 6


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
        reason = _REASONS.get(own[0], "a study sets it for its runs itself. Leave it out")
        raise ConfigError(f"--set {own[0]}: {reason}.")
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


def quickened(request: Request) -> Request:
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
