"""`aassl synth -o DATA`: render rotating objects of the catalogue directly to training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.data.prepared.data import VIEWS
from aassl_ros.progress import progress_once_known
from aassl_ros.synth.make import SynthReport, synthesize
from aassl_ros.synth.settings import SynthSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DATA", help="folder of the prepared data")
    parser.add_argument("--force", action="store_true", help="render again even if data of these settings exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser, SynthSettings)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, SynthSettings)
    with progress_once_known("frames drawn") as show:
        report = synthesize(arguments.out, settings, force=arguments.force, progress=show)
    print(json.dumps(report.to_json()) if arguments.json else describe_report(report))
    return 0


def describe_report(report: SynthReport) -> str:
    """Describe the rendered data in one or two lines."""
    again = " (already rendered, nothing to do; use --force to render again)" if report.already_there else ""
    objects = f"{report.train_instances} objects to train on, {report.test_instances} to test on"
    lines = [
        f"{report.path}: {report.frames} frames in {report.episodes} episodes of {report.categories} categories, "
        f"{objects}{again}"
    ]
    if report.views:
        lines.append(f"  {report.path / VIEWS}: each test object from {report.views} canonical views")
    return "\n".join(lines)
