"""A study from start to end: make runs of its settings, execute them with a scheduler, collect the results.

DIR/study.json names the study in DIR; DIR/runs/SETTING-seedK is one run; DIR/table.json, table.md and the plots are
written last. If a study is started again, it executes only the runs that are left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from aassl_ros.data.prepared.data import VIEWS, PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings
from aassl_ros.learning.objectives.methods import masks_same_actions
from aassl_ros.learning.readout.split import Split, make_split
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.one_process import alone
from aassl_ros.settings import from_mapping
from aassl_ros.studies.adaptation import has_actions, has_turns, has_validation, near_window
from aassl_ros.studies.claim import claim
from aassl_ros.studies.frames_used import describe_frames, fit_batch, frames_used
from aassl_ros.studies.other_categories import other_categories, split_of, without_categories
from aassl_ros.studies.planning import plan, quickened, with_defaults
from aassl_ros.studies.progress import Show
from aassl_ros.studies.request import Conclusion, Request
from aassl_ros.studies.run import Outcome, RunSpec, name_of, read_result
from aassl_ros.studies.shots import most_objects, shot_notes
from aassl_ros.studies.spec import ALIGNMENT, FROZEN, OVERHEAD, Setting, Study

_VALIDATION = {"measures": ["category"], "baselines": False}
"""What is measured on validation objects, to choose settings."""


class Scheduler(Protocol):
    """Executes runs, as many in parallel as there are processors or GPUs."""

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        """Return the outcome of each run, by its folder's name.

        If stop() returns true, it lets all runs save and raises Interrupted.
        """
        ...


def conduct(
    request: Request,
    scheduler: Scheduler,
    show: Show,
    stop: Callable[[], bool],
    say: Callable[[str], None] = lambda note: None,
) -> Conclusion:
    """Execute what is left of a study.

    Args:
        request: what the user asks for.
        scheduler: executes the runs.
        show: shows the progress.
        stop: whether to stop.
        say: gets each note about the data before the first run; the conclusion has them, too.

    Returns:
        The results.

    Raises:
        Interrupted: stop() returned true.
        ConfigError: wrong use.
        DataError: the data is not suitable.
    """
    given = request.settings
    request = quickened(request)
    whole = PreparedData.open(request.data)
    data = without_categories(whole, request.held_out)
    choices = replace(
        request.choices,
        near=near_window(data),
        validated=has_validation(data),
        turns=has_turns(data),
        actions=has_actions(data, given),
    )
    request = with_defaults(replace(request, choices=choices))
    study = plan(request)
    parts = _check_data(data, study, request)
    other = other_categories(whole, request.forgetting, request.held_out)
    if other is not None:
        make_split(other, split_of(other), 1)  # raises DataError before hours of training
    request, about_batch, about_frames = _fitted(data, study, request, given="batch" in given)
    notes = [*study.notes, *about_batch]
    for each in (*notes, *about_frames):
        say(each)
    with alone(request.out, "aassl study"):
        claim(request, data.fingerprint)
        request = replace(request, length=request.updates or _updates(study, request, data))
        conclusion = Conclusion(
            study=study,
            request=request,
            fingerprint=data.fingerprint,
            test_instances=len(parts.test.names),
            results={},
            failed={},
            notes=(*notes, *about_frames),
            objects=most_objects(parts),
            shot_notes=_shot_notes(parts, request),
        )
        _carry_out(study.settings, conclusion, scheduler, show, stop)
        if study.follow is None:
            return conclusion
        more = study.follow(conclusion.results)
        _carry_out(more.settings, conclusion, scheduler, show, stop)
    notes += [*more.notes, *describe_frames(frames_used(data, more.settings, request))]
    complete = replace(study, settings=(*study.settings, *more.settings), differences=more.differences)
    return replace(conclusion, study=complete, notes=tuple(dict.fromkeys(notes)))


def _fitted(data: PreparedData, study: Study, request: Request, *, given: bool) -> tuple[Request, list[str], list[str]]:
    """The request with a batch that the data can fill, notes about it, and about the frames that are trained on.

    given: whether the user set the batch. Raises AasslError if nothing can be trained.
    """
    # --only must not change the batch that is chosen here: the other settings may follow, in the same folder.
    every = study if given else plan(replace(request, only=()))
    used = frames_used(data, every.settings, request, needed=True)
    batch, note = fit_batch(used, data, given=given)
    if batch:
        request = replace(request, settings={**request.settings, "batch": batch})
    own = {each.name: used[each.name] for each in study.settings if each.name in used}
    return request, [note] if note else [], describe_frames(own)


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


def _check_data(data: PreparedData, study: Study, request: Request) -> Split:
    """Return the split to test on. Raises DataError if it has too few instances for an interval, or no views."""
    settings = from_mapping(EvaluationSettings, request.evaluation, source="--set")
    parts = make_split(data, "test", settings.frames_per_episode)
    if len(parts.test.names) < 2:
        count = len(parts.test.names)
        raise DataError(f"{data.path} has {count} test instance, expected two or more for an interval.")
    if study.primary == ALIGNMENT and not (request.data / VIEWS).is_dir():
        raise DataError(
            f"{request.data} has no grid of views ({VIEWS}/), which {study.name} needs. Make the data with aassl synth."
        )
    return parts


def _shot_notes(parts: Split, request: Request) -> tuple[str, ...]:
    settings = from_mapping(EvaluationSettings, request.evaluation, source="--set")
    return tuple(shot_notes(parts, settings.shots)) if "category" in settings.measures else ()


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
