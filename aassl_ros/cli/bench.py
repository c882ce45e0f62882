"""`aassl bench NAME`: measure speed against a baseline that is timed in the same run.

Each benchmark is a module with HELP, add_arguments(parser) and measure(arguments), which returns figures that can be
written as JSON. The arguments include `quick`. A module may have show(figures), which makes their text.
"""

from __future__ import annotations

import argparse
import json

from aassl_ros.benchmarks import (
    adapt,
    data,
    export_lerobot,
    family,
    kill,
    live,
    online,
    online_curve,
    openset,
    page,
    prepare,
    recognize,
    record,
    soak,
    step,
)

BENCHMARKS = {
    "step": step,
    "family": family,
    "recognize": recognize,
    "data": data,
    "prepare": prepare,
    "adapt": adapt,
    "live": live,
    "online": online,
    "online-curve": online_curve,
    "page": page,
    "export-lerobot": export_lerobot,
    "record": record,
    "kill": kill,
    "openset": openset,
    "soak": soak,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    for name, module in BENCHMARKS.items():
        benchmark = names.add_parser(name, help=module.HELP, description=module.HELP[0].upper() + module.HELP[1:] + ".")
        benchmark.add_argument("--json", action="store_true", help="print one JSON object")
        benchmark.add_argument("--quick", action="store_true", help="fewer rounds: takes seconds, less accurate")
        module.add_arguments(benchmark)


def run(arguments: argparse.Namespace) -> int:
    figures = BENCHMARKS[arguments.name].measure(arguments)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    if (show := getattr(BENCHMARKS[arguments.name], "show", None)) is not None:
        print(show(figures))
        return 0
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:{width}}  {f'{value:.4g}' if isinstance(value, float) else value}")
    return 0
