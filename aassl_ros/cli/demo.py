"""`aassl demo --out DIR`: run the whole loop with real nodes in real processes.

If it was interrupted, the same command continues where it stopped.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.demo.folder import DemoFolder
from aassl_ros.demo.plan import DemoSettings, make_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="output folder (default: demo)")
    add_settings(parser, DemoSettings)


def run(arguments: argparse.Namespace) -> int:
    from aassl_ros.demo.stages import Demo
    from aassl_ros.sim.catalogue import load_catalogue

    settings = read_settings(arguments, DemoSettings)
    plan = make_plan(settings, load_catalogue().categories)
    folder = DemoFolder(arguments.out.resolve())
    started = time.monotonic()
    with own_domain():
        Demo(folder, settings, plan).run()
    print(f"Done in {time.monotonic() - started:.0f} s. Open {folder.report}")
    return 0
