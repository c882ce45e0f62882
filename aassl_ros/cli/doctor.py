"""`aassl doctor`: check what works on this machine, and say how to fix what does not."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aassl_ros.doctor.finding import Finding
from aassl_ros.doctor.gradients import check_gradients
from aassl_ros.doctor.learning import check_renderer, check_torch, check_weights
from aassl_ros.doctor.machine import check_clock, check_disk, check_python
from aassl_ros.doctor.ros import check_images, check_launch, check_messages, check_ros, check_shared_memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path(), help="folder for the bags (default: here)")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run all checks and print the results. Returns 0 if everything works, else 3."""
    findings = examine(arguments.folder)
    if arguments.json:
        checks = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"works": all(finding.works for finding in findings), "checks": checks}))
    else:
        print_findings(findings)
    return 0 if all(finding.works for finding in findings) else 3


def examine(folder: Path) -> list[Finding]:
    """Run every check in turn and show its name on a terminal while it runs. folder: where bags will be stored."""
    checks: dict[str, Callable[[], Finding]] = {
        "Python": check_python,
        "ROS 2": check_ros,
        "launch": check_launch,
        "message packages": check_messages,
        "shared memory": check_shared_memory,
        "images between processes": check_images,
        "renderer": check_renderer,
        "torch": check_torch,
        "gradients": check_gradients,
        "weights": check_weights,
        "disk": lambda: check_disk(folder),
        "clock": check_clock,
    }
    findings = []
    with Console(file=sys.stderr).status("checking") as status:
        for name, check in checks.items():
            status.update(f"checking {name}")
            findings.append(check())
    return findings


def print_findings(findings: list[Finding]) -> None:
    """Print a row for each finding, and below them how to fix those that do not work."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "", "found"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/]" if finding.works else "[red]problem[/]"
        table.add_row(finding.name, mark, Text(finding.found))
    console = Console()
    console.print(table)
    problems = [finding for finding in findings if not finding.works]
    for finding in problems:
        console.print(Text.assemble((finding.name, "bold"), f": {finding.fix}."), soft_wrap=True)
    if not problems:
        console.print("Everything works. Next: aassl demo")
