"""`aassl report DIR`: write report.html of a demo folder again."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder made by aassl demo")


def run(arguments: argparse.Namespace) -> int:
    from aassl_ros.demo.folder import DemoFolder
    from aassl_ros.demo.report import write_report

    folder = DemoFolder(arguments.folder.resolve())
    write_report(folder)
    print(folder.report)
    return 0
