"""`aassl report SOURCE`: one self-contained HTML page of a run, a study, a bag, a demo or an open-set result."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        type=Path,
        metavar="SOURCE",
        help="a run, a study, a bag, a folder of aassl demo, or what aassl bench openset --json printed",
    )
    parser.add_argument("--compare", type=Path, metavar="RUN", help="a second run, shown side by side")
    parser.add_argument(
        "--data", type=Path, metavar="DATA", help="prepared data: mistakes, neighbours and features of runs on it"
    )
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="the page (default: report.html in SOURCE)")


def run(arguments: argparse.Namespace) -> int:
    from aassl_ros.reports.report import write_report

    print(write_report(arguments.folder, arguments.compare, arguments.data, arguments.out))
    return 0
