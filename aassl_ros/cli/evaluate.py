"""`aassl evaluate CHECKPOINT DATA`: accuracy on objects never trained on, against chance and two baselines."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.cli.progress import progress_once_known
from aassl_ros.data.prepared import PreparedData
from aassl_ros.learning.checkpoint import load_checkpoint
from aassl_ros.learning.evaluation import Evaluation, EvaluationSettings, evaluate
from aassl_ros.learning.evaluation_split import SPLITS
from aassl_ros.learning.subject import subject_of

HELP = "measure an encoder on objects it has never seen"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="a run of aassl train, or one checkpoint")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder that aassl prepare made")
    parser.add_argument("--split", choices=SPLITS, default="test",
                        help="objects to test on: the set test, or some taken out of train to choose settings by"
                        " (default: test)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser, EvaluationSettings)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, EvaluationSettings)
    subject = subject_of(load_checkpoint(arguments.checkpoint))
    data = PreparedData.open(arguments.data)
    with progress_once_known("frames embedded") as show:
        evaluation = evaluate(subject, data, settings, split=arguments.split, progress=show)
    if arguments.json:
        print(json.dumps(evaluation.to_json()))
    else:
        _print(evaluation)
    return 0


def _print(evaluation: Evaluation) -> None:
    console = Console()
    console.print(
        f"{evaluation.method}, seed {evaluation.seed}: {evaluation.test_frames} frames of "
        f"{len(evaluation.test_instances)} {evaluation.split} objects, none of them seen in training"
    )
    console.print(_accuracies(evaluation), _per_category(evaluation))
    for note in evaluation.notes:
        console.print(f"Note: {note}.")


def _accuracies(evaluation: Evaluation) -> Table:
    table = Table("accuracy", "%")
    rows = {
        "linear probe": evaluation.probe_accuracy,
        "nearest neighbours": evaluation.knn_accuracy,
        **{f"{shots} labelled object(s) a category": value for shots, value in evaluation.few_shot.items()},
        "random encoder, linear probe": evaluation.random_encoder,
        "colour histogram, linear probe": evaluation.colour_histogram,
        "chance": evaluation.chance,
    }
    for name, value in rows.items():
        table.add_row(name, f"{100 * value:.1f}")
    return table


def _per_category(evaluation: Evaluation) -> Table:
    """Each category, how often the probe named it right, and what it was taken for most often instead."""
    table = Table("category", "%", "most often taken for")
    for category, accuracy in evaluation.per_category.items():
        row = evaluation.confusion[evaluation.categories.index(category)].copy()
        count = int(row.sum())
        row[evaluation.categories.index(category)] = 0
        worst = int(row.argmax())
        taken = f"{evaluation.categories[worst]} ({100 * row[worst] / count:.1f} %)" if row[worst] else ""
        table.add_row(category, f"{100 * accuracy:.1f}", taken)
    return table
