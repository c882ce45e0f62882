"""`aassl synth -o DATA`: render rotating objects of the catalogue directly to training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aassl_ros.cli.options import add_setting, add_settings, read_settings
from aassl_ros.data.prepared.data import OTHER, VIEWS
from aassl_ros.errors import ConfigError
from aassl_ros.progress import progress_once_known
from aassl_ros.settings import describe
from aassl_ros.synth.household_settings import QUICK, HouseholdSettings
from aassl_ros.synth.make import SynthReport, synthesize
from aassl_ros.synth.plan import AnySettings
from aassl_ros.synth.settings import SynthSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DATA", help="folder of the prepared data")
    parser.add_argument("--force", action="store_true", help="render again even if data of these settings exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--household", action="store_true",
                        help="the household set: textured objects in a gripper, with clutter, shadows and real cameras;"
                        " DATA/other gets a second set of other categories")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a small household set, made in seconds")
    add_settings(parser.add_argument_group("settings"), SynthSettings)
    group = parser.add_argument_group("settings of --household only")
    plain = {info.name for info in describe(SynthSettings)}
    for info in describe(HouseholdSettings):
        if info.name not in plain:
            add_setting(group, info)


def run(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    with progress_once_known("frames drawn") as show:
        report = synthesize(arguments.out, settings, force=arguments.force, progress=show)
    print(json.dumps(report.to_json()) if arguments.json else describe_report(report))
    return 0


def _settings(arguments: argparse.Namespace) -> AnySettings:
    """The settings that the options give. Raises ConfigError if an option does not belong to the kind of data."""
    wanted: type = HouseholdSettings if arguments.household else SynthSettings
    unwanted: type = SynthSettings if arguments.household else HouseholdSettings
    known = {info.name for info in describe(wanted)}
    wrong = [info.name for info in describe(unwanted)
             if info.name not in known and getattr(arguments, info.name) is not None]  # fmt: skip
    if arguments.quick and not arguments.household:
        wrong.append("quick")
    if wrong:
        option, kind = "--" + wrong[0].replace("_", "-"), "without" if arguments.household else "with"
        raise ConfigError(f"{option} is possible only {kind} --household. Remove one of the two.")
    if arguments.quick:
        for name, value in QUICK.items():
            if getattr(arguments, name) is None:
                setattr(arguments, name, str(value))
    if arguments.household:
        return read_settings(arguments, HouseholdSettings)
    return read_settings(arguments, SynthSettings)


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
    if report.other_categories:
        others = f"{report.other_frames} frames of {report.other_categories} other categories"
        lines.append(f"  {report.path / OTHER}: {others}")
    return "\n".join(lines)
