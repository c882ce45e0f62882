"""How well a few taught views name new views and refuse what was never taught, on any prepared data.

The protocol is in learning/evaluation/openset_plan.py. All encoders and methods get the same draws of known names.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aassl_ros.data.prepared.data import PreparedData, validation_instances
from aassl_ros.data.streams.images import to_square
from aassl_ros.errors import ConfigError
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.pretrained import PRETRAINED
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_at
from aassl_ros.learning.evaluation.openset import (
    ASKED,
    JUDGE,
    KNN,
    SCORE_TITLES,
    SEEN,
    SEEN_KINDS,
    LevelScores,
    Method,
    OpenSetScore,
    judged,
    nearest_neighbours,
    open_set_scores,
)
from aassl_ros.learning.evaluation.openset_plan import LEVELS, Draw, draw_known, plan_names
from aassl_ros.learning.measures.intervals import mean_interval
from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.learning.readout.features import embed
from aassl_ros.learning.readout.split import refuse_seen
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.learning.recognition.seen import SeenObjects
from aassl_ros.learning.recognition.seen_frames import VIEWS_OF_OBJECT, SeenFrames, seen_frames

HELP = "names and refusals after a few taught views, of objects that were never seen (open set)"
_VIEWS = (1, 2, 5, 10, 0)
_DRAWS, _QUICK_DRAWS = 20, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="prepared data with labels")
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="RUN",
        help="an adapted encoder: a run, a checkpoint or a backbone file; may be given several times",
    )
    parser.add_argument(
        "--pretrained", default=PRETRAINED, help="encoder to compare with, pretrained:ENCODER:SIZE; empty: none"
    )
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default=LEVELS[0],
        help="what is named: categories, asked of objects never seen (default), or objects, asked of other views",
    )
    parser.add_argument("--split", choices=("test", "val"), default="test", help="objects to ask about (default: test)")
    parser.add_argument("--known", type=float, default=0.6, help="share of the names that are taught (default 0.6)")
    parser.add_argument("--refuse-known", type=float, default=0.1, help="share of known views refused (default 0.1)")
    parser.add_argument("--draws", type=int, help=f"choices of the known names (default {_DRAWS})")
    parser.add_argument("--frames", type=int, default=12, help="views used of each object (default 12)")
    parser.add_argument(
        "--views", type=_numbers, default=_VIEWS, help="numbers of views taught, 0: all (default 1,2,5,10,0)"
    )
    parser.add_argument(
        "--seen",
        type=int,
        default=VIEWS_OF_OBJECT,
        help="views of each train object that the judge may also use, without its name; 0: none "
        f"(default {VIEWS_OF_OBJECT})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench openset` prints: a row for each encoder, method and number of taught views."""
    _check(arguments)
    data = PreparedData.open(arguments.data)
    names = plan_names(data, arguments.level, arguments.frames, arguments.split)
    rng = np.random.default_rng(arguments.seed)
    draws = [draw_known(names, arguments.known, rng) for _ in range(arguments.draws or _draws(arguments.quick))]
    seen = _seen(data, arguments)
    used = [part for name in names for part in (*name.taught, name.asked)]
    frames = np.unique(np.concatenate([*used, *([] if seen is None else [seen.frames])]))
    rows: list[dict[str, Any]] = []
    for source in (*([arguments.pretrained] if arguments.pretrained else []), *arguments.checkpoint):
        feature_of = _features(source, data, frames, draws, arguments)
        methods = _methods(feature_of, seen, data, arguments)
        scores = open_set_scores(feature_of, draws, arguments.views, methods, arguments.refuse_known)
        rows += [_row(source, method, views, found) for (method, views), found in scores.items()]
    return {
        "rows": rows,
        "data": str(data.path),
        "level": arguments.level,
        "split": arguments.split,
        "names": len(names),
        "taught_names": len(draws[0].views),
        "draws": len(draws),
        "seen_objects": 0 if seen is None else int(seen.objects.max()) + 1,
        "refuse_known": arguments.refuse_known,
        "asked_known": int(np.mean([len(draw.known) for draw in draws])),
        "asked_unknown": int(np.mean([len(draw.unknown) for draw in draws])),
    }


def show(figures: dict[str, Any]) -> str:
    """The rows as a Markdown table, in percent with 95 % intervals over the draws."""
    lines = [
        f"{figures['data']}: {figures['names']} names of level {figures['level']}, of which "
        f"{figures['taught_names']} are taught; {figures['draws']} draws; about {figures['asked_known']} known and "
        f"{figures['asked_unknown']} unknown views of {figures['split']} objects are asked. Objects: means over "
        f"the views of each episode. Unknown refused: with {100 * figures['refuse_known']:g} % of the known ones.",
        "",
        "| encoder | method | views taught | asked | " + " | ".join(SCORE_TITLES.values()) + " |",
        "|---" * (4 + len(SCORE_TITLES)) + "|",
    ]
    for row in figures["rows"]:
        for asked, prefix in ASKED.items():
            first = [row["encoder"], row["method"], str(row["views"] or "all"), asked]
            lines.append(f"| {' | '.join([*first, *(_cell(row[prefix + key]) for key in SCORE_TITLES)])} |")
    return "\n".join(lines)


def _seen(data: PreparedData, arguments: argparse.Namespace) -> SeenFrames | None:
    if arguments.seen == 0:
        return None
    without = validation_instances(data) if arguments.split == "val" else ()
    return seen_frames(data, without=without, views=arguments.seen)


def _methods(
    feature_of: Callable[[NDArray[np.int64]], Tensor],
    seen: SeenFrames | None,
    data: PreparedData,
    arguments: argparse.Namespace,
) -> Callable[[Draw], dict[str, Method]]:
    """What answers for a draw: plain neighbours and the judge, without and with objects that were seen unnamed."""
    refuse_known = arguments.refuse_known
    plain = {KNN: nearest_neighbours, JUDGE: judged(refuse_known)}
    if seen is None:
        return lambda draw: plain
    categories = np.array([row.category for row in data.episodes])[data.episode_of[seen.frames]]

    def of(chosen: SeenFrames) -> Method:
        return judged(refuse_known, SeenObjects(feature_of(chosen.frames), torch.from_numpy(chosen.objects)))

    with_all = {**plain, SEEN: of(seen)}
    if arguments.level != LEVELS[0]:
        return lambda draw: with_all
    return lambda draw: {**with_all, SEEN_KINDS: of(seen.only(np.isin(categories, draw.names)))}


def _check(arguments: argparse.Namespace) -> None:
    for name, low, high in (("known", 0.0, 1.0), ("refuse_known", 0.0, 0.5)):
        if not low < getattr(arguments, name) < high:
            raise ConfigError(
                f"aassl bench: {name} = {getattr(arguments, name)}, expected between {low:g} and {high:g}."
            )
    for name in ("draws", "frames"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 2:
            raise ConfigError(f"aassl bench: {name} = {getattr(arguments, name)}, expected at least 2.")
    if not arguments.pretrained and not arguments.checkpoint:
        raise ConfigError("aassl bench: no encoder is given, expected --checkpoint RUN or --pretrained NAME.")


def _numbers(text: str) -> tuple[int, ...]:
    """Read "1,5" as numbers of views."""
    numbers = tuple(int(word) for word in text.split(","))
    if min(numbers) < 0:
        raise ValueError
    return numbers


def _draws(quick: bool) -> int:
    return _QUICK_DRAWS if quick else _DRAWS


def _features(
    source: str, data: PreparedData, frames: NDArray[np.int64], draws: list[Draw], arguments: argparse.Namespace
) -> Callable[[NDArray[np.int64]], Tensor]:
    """Embed the frames int64 [N], sorted, of `data`. Returns a function that gives the features of some of them."""
    asked = {int(episode) for draw in draws for episode in data.episode_of[np.append(draw.known, draw.unknown)]}
    instances = tuple(sorted({data.episodes[episode].instance for episode in asked}))
    refuse_seen(evaluated_encoder_at(Path(source)).instances, instances, arguments.split)
    eye = load_eye(source)
    pictures = np.stack([to_square(frame, eye.image_size) for frame in data.frames[frames]])
    device = choose_device(arguments.device)
    table = embed(eye.encoder, pictures, np.arange(len(frames)), eye.normalise, device=device, batch=64).cpu()
    return lambda chosen: table[torch.from_numpy(np.searchsorted(frames, chosen))]


def _row(source: str, method: str, views: int, found: list[LevelScores]) -> dict[str, Any]:
    row: dict[str, Any] = {"encoder": source, "method": method, "views": views}
    for asked, prefix in ASKED.items():
        scores: list[OpenSetScore] = [getattr(each, asked) for each in found]
        for key in SCORE_TITLES:
            values = [getattr(each, key) for each in scores]
            interval = mean_interval(values)
            row[prefix + key] = {"mean": interval.mean, "ci95": interval.ci95, "draws": values}
        row[f"{prefix}reliability"] = Reliability.pooled(each.reliability for each in scores).bins()
    return row


def _cell(value: dict[str, Any]) -> str:
    if np.isnan(value["mean"]):
        return ""
    if value["ci95"] is None:
        return f"{100 * value['mean']:.1f}"
    low, high = (100 * edge for edge in value["ci95"])
    return f"{100 * value['mean']:.1f} [{low:.1f}, {high:.1f}]"
