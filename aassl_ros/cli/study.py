"""`aassl study NAME --seeds N --out DIR`: compare many paired runs in one table and one plot."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from aassl_ros.cli.options import parse_text
from aassl_ros.cli.study_progress import study_progress
from aassl_ros.cli.train import stop_requests
from aassl_ros.errors import ConfigError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.progress import progress_once_known
from aassl_ros.settings import convert, describe, from_mapping
from aassl_ros.studies.catalogue import STUDIES
from aassl_ros.studies.local_scheduler import LocalScheduler, places
from aassl_ros.studies.planning import FIXED, OWN, plan
from aassl_ros.studies.progress import Interrupted
from aassl_ros.studies.ray_scheduler import RayScheduler
from aassl_ros.studies.request import Request
from aassl_ros.studies.spec import OVERHEAD, Choices
from aassl_ros.studies.study import Scheduler, conduct
from aassl_ros.studies.writing import MARKDOWN, write

_SEEDS, _QUICK_SEEDS = 3, 2
QUICK_SYNTH = {"categories": 4, "instances": 4, "test_instances": 2, "episodes": 1, "views": 10, "image_size": 32}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="NAME", help=f"one of {', '.join(STUDIES)}")
    parser.add_argument("prepared", type=Path, nargs="?", metavar="DATA", help="the same as --data")
    parser.add_argument("--seeds", type=int, metavar="N",
                        help=f"seeds of each setting (default: {_SEEDS}, with --quick {_QUICK_SEEDS})")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR",
                        help="folder of the study; the same command again continues it")  # fmt: skip
    parser.add_argument(
        "--data",
        type=Path,
        help="prepared data with the sets train and test (default: drawn by aassl synth into DIR/data)",
    )
    parser.add_argument("--forgetting", type=Path, metavar="DATA",
                        help="prepared data of other categories: measures what was forgotten about them")  # fmt: skip
    parser.add_argument("--held-out-categories", default="", metavar="CATEGORY,...",
                        help="categories not to train on: forgetting is measured on them")  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="very short training: shows in a minute or two that the study runs"
    )
    parser.add_argument("--updates", type=int, default=0, metavar="N", help="updates of each run (default: by epochs)")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                        help="a setting of every run: any setting of aassl train or aassl evaluate")  # fmt: skip
    parser.add_argument("--only", default="", metavar="SETTING,...", help="run only these settings of the study")
    parser.add_argument("--methods", default="", metavar="METHOD,...", help="methods to compare")
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="J", help="runs at the same time (default: one a core, or one a GPU)"
    )
    parser.add_argument("--values", default="", metavar="VALUE,...",
                        help="values to compare in the studies window (frames:2, degrees:10:30, episode) and"
                        " action-noise")  # fmt: skip
    parser.add_argument("--grid", nargs="+", action="extend", default=[], metavar="NAME=VALUE,...",
                        help="values to try in the study grid (default: windows, weights of the action term)",
                        )  # fmt: skip
    parser.add_argument("--grid-seeds", type=int, default=1, metavar="N",
                        help="runs of each point in the study grid (default: 1)")  # fmt: skip
    parser.add_argument("--ray", default="", metavar="ADDRESS",
                        help="run on a Ray cluster: HOST:PORT, auto or local")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the table as JSON")


def run(arguments: argparse.Namespace) -> int:
    request = request_of(arguments)
    study = plan(request)  # reports wrong use before anything is written
    if arguments.data is None and arguments.prepared is None:
        _draw_data(request)
    # Runs that measure time must not share the machine.
    jobs = 1 if study.settings[0].kind == OVERHEAD else arguments.jobs
    scheduler: Scheduler = RayScheduler(arguments.ray) if arguments.ray else LocalScheduler(places(jobs))
    with stop_requests() as asked_to_stop, study_progress(request.study) as show:
        try:
            conclusion = conduct(request, scheduler, show, asked_to_stop.is_set, _say)
        except Interrupted:
            command = shlex.join(["aassl", *sys.argv[1:]])
            print(f"aassl: stopped. Finished runs are kept. Continue with: {command}", file=sys.stderr)
            return 1
    table = write(conclusion, request.out)
    print(json.dumps(table) if arguments.json else (request.out / MARKDOWN).read_text(encoding="utf-8"))
    for (setting, seed), reason in conclusion.failed.items():
        print(f"aassl: {setting}, seed {seed} failed: {reason}", file=sys.stderr)
    return 3 if conclusion.failed else 0


def _say(note: str) -> None:
    print(f"aassl: {note}", file=sys.stderr)


def request_of(arguments: argparse.Namespace) -> Request:
    """Make the request of a study from the arguments. Raises ConfigError."""
    settings, evaluation = _given(arguments.set)
    if arguments.data and arguments.prepared:
        raise ConfigError(f"DATA is {arguments.prepared} and --data is {arguments.data}. Give one of them.")
    seeds = (_QUICK_SEEDS if arguments.quick else _SEEDS) if arguments.seeds is None else arguments.seeds
    for name, value, least in (("seeds", seeds, 1), ("updates", arguments.updates, 0), ("jobs", arguments.jobs, 0),
                               ("grid-seeds", arguments.grid_seeds, 1)):  # fmt: skip
        if value < least:
            raise ConfigError(f"--{name} {value}: expected an integer of at least {least}.")
    return Request(
        study=arguments.study,
        out=arguments.out,
        data=arguments.data or arguments.prepared or arguments.out / "data",
        seeds=seeds,
        settings=settings,
        evaluation=evaluation,
        updates=arguments.updates,
        only=_list(arguments.only),
        choices=Choices(_list(arguments.methods), _list(arguments.values), _grid(arguments.grid), arguments.grid_seeds),
        quick=arguments.quick,
        forgetting=arguments.forgetting,
        held_out=_list(arguments.held_out_categories),
    )


def _given(items: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings of training and settings of evaluation, by name. A name of both belongs to training."""
    train = {info.name: info for info in describe(TrainSettings)}
    infos = {**{info.name: info for info in describe(EvaluationSettings)}, **train}
    values: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or name not in infos:
            free = ", ".join(known for known in infos if known not in OWN)
            raise ConfigError(f"--set {item}: expected NAME=VALUE, NAME one of {free}.")
        values[name] = parse_text(infos[name], text)
    settings = {name: value for name, value in values.items() if name in train}
    return settings, {name: value for name, value in values.items() if name not in train}


def _grid(items: list[str]) -> dict[str, tuple[Any, ...]]:
    infos = {info.name: info for info in describe(TrainSettings)}
    found: dict[str, tuple[Any, ...]] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or name not in infos or infos[name].item_type is not None:
            free = ", ".join(known for known, info in infos.items() if info.item_type is None and known not in FIXED)
            raise ConfigError(f"--grid {item}: expected NAME=VALUE,VALUE, NAME one of {free}.")
        values = (parse_text(infos[name], value) for value in _list(text))
        found[name] = tuple(convert(infos[name], value, source="--grid") for value in values)
    return found


def _draw_data(request: Request) -> None:
    """Render the data of the study into DIR/data, unless they exist."""
    from aassl_ros.synth.make import synthesize  # imported only here: it needs PyBullet
    from aassl_ros.synth.settings import SynthSettings

    settings = from_mapping(SynthSettings, QUICK_SYNTH if request.quick else {}, source="aassl study")
    with progress_once_known("frames drawn") as show:
        synthesize(request.data, settings, progress=show)


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
