"""`aassl evaluate CHECKPOINT DATA...`: measure an encoder on unseen objects, compared with chance and baselines."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from aassl_ros.cli.evaluate_tables import tables
from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError
from aassl_ros.learning.evaluation.evaluate import EvaluationSettings, evaluate
from aassl_ros.learning.evaluation.evaluated_encoder import evaluated_encoder_at
from aassl_ros.learning.evaluation.result import Evaluation
from aassl_ros.learning.readout.split import SPLITS
from aassl_ros.progress import progress_once_known


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT",
                        help="run folder of aassl train, one checkpoint, a backbone from aassl export,"
                        " or pretrained (pretrained:ENCODER:SIZE)")  # fmt: skip
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="folder made by aassl prepare or synth,"
                        " or a folder of these; several are read as one")  # fmt: skip
    parser.add_argument("--split", choices=SPLITS, default="test",
                        help="objects to test on: test is the test set; val holds objects of the training set that"
                        " were kept out of training, for choosing settings (default: test)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="plot the features in two dimensions (t-SNE)")
    parser.add_argument("--confusion", type=Path, metavar="FILE.png", help="plot the confusion matrix of categories")
    add_settings(parser, EvaluationSettings)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, EvaluationSettings)
    _check_pictures(arguments, settings)
    evaluated = evaluated_encoder_at(arguments.checkpoint)
    data = PreparedData.open(*arguments.data)
    with progress_once_known("frames embedded") as show:
        evaluation = evaluate(
            evaluated, data, settings, split=arguments.split, picture=arguments.picture is not None, progress=show
        )
    _draw(evaluation, arguments)
    if arguments.json:
        print(json.dumps(evaluation.to_json()))
        return 0
    console = Console()
    console.print(
        f"{evaluation.method}, seed {evaluation.seed}: {evaluation.test_frames} frames of "
        f"{len(evaluation.test_instances)} {evaluation.split} objects, none of them seen in training"
    )
    console.print(*tables(evaluation))
    for note in evaluation.notes:
        console.print(f"Note: {note}.")
    return 0


def _check_pictures(arguments: argparse.Namespace, settings: EvaluationSettings) -> None:
    """Check the options for pictures before anything is computed. Raises ConfigError."""
    for file in (arguments.picture, arguments.confusion):
        if file is not None and (file.suffix.lower() != ".png" or not file.absolute().parent.is_dir()):
            raise ConfigError(f"{file} cannot be written, expected a name that ends in .png, in an existing folder.")
    if arguments.confusion is not None and "category" not in settings.measures:
        raise ConfigError("--confusion needs the measures of the group category. Add category to --measures.")


def _draw(evaluation: Evaluation, arguments: argparse.Namespace) -> None:
    if arguments.picture is None and arguments.confusion is None:
        return
    from aassl_ros.report import plots  # matplotlib takes a second to load

    if evaluation.picture is not None:
        points, categories = evaluation.picture.points, evaluation.picture.categories
        arguments.picture.write_bytes(plots.embedding(points, categories, evaluation.picture.trained_on))
    if arguments.confusion is not None and evaluation.category is not None:
        matrix = evaluation.category.confusion.astype(float)
        arguments.confusion.write_bytes(plots.confusion(matrix, evaluation.categories))
