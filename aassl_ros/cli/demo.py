"""`aassl demo --out DIR`: run the whole loop with real nodes in real processes.

If it was interrupted, the same command continues where it stopped.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.demo.folder import DemoFolder
from aassl_ros.demo.plan import SCRATCH, DemoSettings, make_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="output folder (default: demo)")
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="train a small encoder with random first weights, not a pretrained one",
    )
    add_settings(parser, DemoSettings)


def run(arguments: argparse.Namespace) -> int:
    from aassl_ros.demo.stages import Demo
    from aassl_ros.learning.encoders.pretrained import PRETRAINED, check_installed
    from aassl_ros.sim.catalogue import load_catalogue

    settings = read_settings(arguments, DemoSettings)
    if arguments.from_scratch:
        settings = replace(settings, start=SCRATCH)
    if settings.pretrained:
        check_installed(PRETRAINED)  # before minutes of recording
    plan = make_plan(settings, load_catalogue().categories)
    folder = DemoFolder(arguments.out.resolve())
    started = time.monotonic()
    with own_domain():
        Demo(folder, settings, plan).run()
    print(f"Done in {time.monotonic() - started:.0f} s. Open {folder.report}")
    return 0
