"""One run of a study: train and evaluate, or time methods, and write FOLDER/result.json.

A finished run is never repeated. An interrupted one resumes from its checkpoint, on exactly the same loss curve.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.files import write_whole
from aassl_ros.learning.checkpoints.checkpoint import LINK, load_checkpoint
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.evaluation.evaluate import EvaluatedEncoder, EvaluationSettings, Progress, evaluate
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_of
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.reports import TrainProgress
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer
from aassl_ros.settings import from_mapping
from aassl_ros.studies.damage import Damage, damaged
from aassl_ros.studies.other_categories import other_categories, split_of, without_categories
from aassl_ros.studies.overhead import measure
from aassl_ros.studies.progress import Interrupted, Watch
from aassl_ros.studies.spec import FROZEN, OVERHEAD, TRAIN

RESULT, SPEC = "result.json", "run.json"


Outcome = dict[str, Any] | str
"""The result of a run, or the reason of its failure."""


@dataclass(frozen=True)
class RunSpec:
    """The specification of one run.

    settings: of TrainSettings by name, including the seed; evaluation: of EvaluationSettings.
    kind: "train"; "frozen", which evaluates the encoder with its first weights; or "overhead", which times
    settings["methods"] for `updates` rounds.
    forgetting: prepared data of other categories, to measure what was forgotten; held_out: categories to leave out.
    damage: applied to the training data, not to the test data. picture: also map the features to two dimensions.
    updates: number of updates, in place of settings["epochs"]; 0: by the epochs.
    length: number of updates by either of the two. threads, device: where it runs. These three are not part of the
    run's identity.
    """

    setting: str
    seed: int
    folder: Path
    data: Path
    settings: dict[str, Any]
    kind: str = TRAIN
    updates: int = 0
    length: int = 0
    split: str = "test"
    damage: Damage | None = None
    picture: bool = False
    evaluation: dict[str, Any] = field(default_factory=dict)
    forgetting: Path | None = None
    held_out: tuple[str, ...] = ()
    threads: int = 1
    device: str = "cpu"

    def identity(self) -> dict[str, Any]:
        """Return the values that identify the run, as JSON values."""
        left_out = ("folder", "data", "forgetting", "threads", "device", "length")
        values = {name: value for name, value in asdict(self).items() if name not in left_out}
        if self.kind in (TRAIN, FROZEN):  # with all defaults written out: another version may have other defaults
            values["settings"] = asdict(from_mapping(TrainSettings, self.settings, source="study"))
        return dict(json.loads(json.dumps(values)))


def name_of(spec: RunSpec) -> str:
    return spec.folder.name


_NEWER = ("kind", "damage", "picture", "held_out")
_DEFAULTS = json.loads(json.dumps({entry.name: entry.default for entry in fields(RunSpec) if entry.name in _NEWER}))
"""Defaults of values that an older version did not write."""


def execute(spec: RunSpec, watch: Watch) -> dict[str, Any]:
    """Execute what is left of the run and return its result.

    Raises Interrupted if watch.stop() returns true, AasslError if the run cannot be done.
    """
    done = read_result(spec)
    if done is not None:
        return done
    whole = PreparedData.open(spec.data)
    data = without_categories(whole, spec.held_out)
    torch.set_num_threads(spec.threads)
    if spec.kind == OVERHEAD:
        measured = _time_methods(spec, data, watch)
    else:
        measured = _train_and_evaluate(spec, data, other_categories(whole, spec.forgetting, spec.held_out), watch)
    result = {"setting": spec.setting, "seed": spec.seed, "fingerprint": data.fingerprint, **measured}
    write_json(spec.folder / RESULT, result)
    return result


def read_result(spec: RunSpec) -> dict[str, Any] | None:
    """Read the result of a finished run; None if there is none. Raises ConfigError if the folder is of another run."""
    begun = _read_json(spec.folder / SPEC)
    if begun is not None and _complete(begun) != spec.identity():
        raise ConfigError(f"{spec.folder} contains a run with other settings. Choose another --out, or remove it.")
    return _read_json(spec.folder / RESULT)


def _complete(begun: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of values that did not exist when the run was started."""
    begun = {**_DEFAULTS, **begun}
    if begun["kind"] in (TRAIN, FROZEN):
        defaults = json.loads(json.dumps(asdict(TrainSettings())))
        begun["settings"] = {**defaults, **begun.get("settings", {})}
    return begun


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically. Raises DataError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(value, indent=1))
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({error.strerror}). Free some disk space or choose another --out."
        ) from error


def _train_and_evaluate(spec: RunSpec, data: PreparedData, other: PreparedData | None, watch: Watch) -> dict[str, Any]:
    if spec.kind == FROZEN:
        write_json(spec.folder / SPEC, spec.identity())
        evaluated, action, steps = _frozen(spec, data), "", 0
    else:
        trainer = _trainer(spec, data if spec.damage is None else damaged(data, spec.damage, spec.seed))
        _train(trainer, spec, watch)
        evaluated = evaluated_encoder_of(load_checkpoint(spec.folder))
        action = f"{trainer.action}, {trainer.action_coverage}" if trainer.action else ""
        steps = trainer.learner.steps

    def show(frames: int, total: int) -> None:
        watch.show(steps, steps, f"evaluated {frames} of {total} frames")
        if watch.stop():
            raise Interrupted

    settings = from_mapping(EvaluationSettings, {"device": spec.device, **spec.evaluation}, source="study")
    found = evaluate(evaluated, data, settings, split=spec.split, picture=spec.picture, progress=show)
    picture = found.picture
    laid_out = (
        None
        if picture is None
        else {
            "points": picture.points.round(3).tolist(),
            "categories": list(picture.categories),
            "trained_on": picture.trained_on.tolist(),
        }
    )
    views = found.view_picture
    by_view = None if views is None else {"points": views.points.round(3).tolist(), "views": list(views.views)}
    measured = {
        "updates": steps,
        "action": action,
        "evaluation": found.to_json(),
        "picture": laid_out,
        "view_picture": by_view,
    }
    return measured if other is None else {**measured, "other": _on_other(evaluated, other, settings, show)}


def _frozen(spec: RunSpec, data: PreparedData) -> EvaluatedEncoder:
    """The encoder with the weights that training would begin with."""
    given = from_mapping(TrainSettings, {**spec.settings, "device": spec.device}, source="study")
    settings = replace(given, image_size=given.image_size or data.image_size)
    learner = Learner(settings)
    normalise = learner.augmentation.plain
    return EvaluatedEncoder(
        FROZEN, spec.seed, learner.encoder, normalise, learner.seen, lambda: build_encoder(settings)
    )


def _on_other(
    evaluated: EvaluatedEncoder, other: PreparedData, settings: EvaluationSettings, show: Progress
) -> dict[str, Any]:
    """Evaluate on categories that were not trained on. An object's name may be the same in both data sets."""
    only_categories = replace(settings, measures=("category",), baselines=False)
    unseen = replace(evaluated, instances=(), trained=None)
    return evaluate(unseen, other, only_categories, split=split_of(other), progress=show).to_json()


def _time_methods(spec: RunSpec, data: PreparedData, watch: Watch) -> dict[str, Any]:
    write_json(spec.folder / SPEC, spec.identity())
    given = {name: value for name, value in spec.settings.items() if name != "methods"}
    where = {"torch_threads": spec.threads, "device": spec.device, "image_size": data.image_size}
    settings = from_mapping(TrainSettings, {**where, **given}, source="study")
    return {"overhead": measure(spec.settings["methods"], data, settings, spec.updates, watch)}


def _trainer(spec: RunSpec, data: PreparedData) -> Trainer:
    """Start the run, or resume it."""
    where = {"torch_threads": spec.threads, "device": spec.device, "keep": 1}
    settings = from_mapping(TrainSettings, {**spec.settings, "updates": spec.length, **where}, source="study")
    if os.path.lexists(spec.folder / LINK):
        checkpoint, settings = resume(spec.folder, where, settings)
        if settings.updates != spec.length and spec.updates:  # with epochs the number is the same
            raise ConfigError(
                f"{spec.folder} was started by an older version of aassl_ros. Remove it to start it again."
            )
        return Trainer(data, spec.folder, settings, checkpoint)
    write_json(spec.folder / SPEC, spec.identity())
    begin(spec.folder)
    return Trainer(data, spec.folder, settings)


def _train(trainer: Trainer, spec: RunSpec, watch: Watch) -> None:
    total = trainer.total_steps

    def show(now: TrainProgress) -> None:
        watch.show(now.step, total, f"{now.images_per_s:.0f} images/s, loss {now.losses.total:.2f}")

    if not trainer.finished:
        trainer.train(show, watch.stop)
    if not trainer.finished:
        raise Interrupted


def _read_json(path: Path) -> Any:
    """Read a JSON file; None if it is missing or damaged: the run is then executed again."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
