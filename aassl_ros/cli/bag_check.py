"""`aassl bag check BAG`: a quality report of a bag, as text, JSON or a page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aassl_ros.data.bags.containers import recordings
from aassl_ros.data.quality.check import BagQuality, measure_bag
from aassl_ros.data.quality.thresholds import Thresholds, load_thresholds
from aassl_ros.errors import BagError
from aassl_ros.progress import progress_once_known

SUMMARY = "measure the quality of a bag: streams, pictures, joints, offset, labels, losses; exit status 3 if it fails"


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `aassl bag check`."""
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with plots")
    parser.add_argument(
        "--thresholds", type=Path, metavar="FILE", help="YAML file with thresholds (docs/bags.md); absent ones: default"
    )


def run_check(arguments: argparse.Namespace) -> int:
    """Run `aassl bag check`."""
    thresholds = load_thresholds(arguments.thresholds) if arguments.thresholds else Thresholds()
    if arguments.html is not None and not arguments.html.parent.is_dir():
        raise BagError(f"{arguments.html} cannot be written: there is no folder {arguments.html.parent}.")
    reports = []
    for bag in recordings(arguments.bag):
        with progress_once_known("messages measured") as show:
            report = measure_bag(bag, thresholds, show)
        print(json.dumps(report.to_json()) if arguments.json else describe_quality(report))
        reports.append(report)
    if arguments.html is not None:
        from aassl_ros.report.quality_page import write_quality_page  # matplotlib is slow to load

        try:
            write_quality_page(arguments.html, reports)
        except OSError as error:
            raise BagError(f"{arguments.html} cannot be written: {error.strerror}.") from error
    return 3 if any(report.problems for report in reports) else 0


def describe_quality(report: BagQuality) -> str:
    """The report as text: one line for each measure, then the problems."""
    lines = []
    for measure in report.measures:
        numbers = ", ".join(
            f"{name} {'unknown' if value is None else value}" for name, value in measure.numbers.items()
        )
        lines.append(f"  {measure.title}: {numbers or 'nothing measured'}")
        lines += [f"    note: {note}" for note in measure.notes]
    lines += [f"  note: {note}" for note in report.notes]
    lines += [f"{report.bag}: {problem}" for problem in report.problems]
    if not report.problems:
        lines.append(
            f"{report.bag}: no problem found. Every message can be read, every frame has its sample, nothing was "
            "dropped, and all thresholds are kept."
        )
    return "\n".join([f"{report.bag}: {report.messages} messages in {report.seconds:.1f} s", *lines])
