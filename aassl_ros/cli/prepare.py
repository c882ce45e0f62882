"""`aassl prepare SOURCE... -o DATA`: make training data from bags and folders of pictures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.data.prepare.on_ray import OnRay
from aassl_ros.data.prepare.parts import finished_parts
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.remote import RemoteOutput, is_url
from aassl_ros.data.prepare.report import PrepareReport, PrepareSettings
from aassl_ros.progress import progress_once_known


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        type=_place,
        metavar="SOURCE",
        help="a bag, a folder of photographs CATEGORY/OBJECT/*.jpg, a folder of pictures with frames.csv, a published "
        "data set (--layout), or a folder of bags or picture folders; bags may be URLs (s3://, ftp://, http://, ...)",
    )
    parser.add_argument("-o", "--out", type=_place, required=True, metavar="DATA",
                        help="folder of the prepared data; may be a URL")  # fmt: skip
    parser.add_argument("--ray", default="", metavar="ADDRESS",
                        help="read the bags on a Ray cluster: HOST:PORT, ray://HOST:PORT, auto or local")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="prepare these sources again even if the data exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser, PrepareSettings)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, PrepareSettings)
    runner = OnRay(arguments.ray) if arguments.ray else None
    out = arguments.out
    with progress_once_known("frames read") as show:
        try:
            report = prepare(arguments.sources, out, settings, force=arguments.force, progress=show, runner=runner)
        except KeyboardInterrupt:
            if finished := finished_parts(out if isinstance(out, Path) else RemoteOutput(out).folder):
                print(f"aassl: {_several(finished, 'source')} finished and will not be read again.", file=sys.stderr)
            raise
    print(json.dumps(report.to_json()) if arguments.json else describe_report(report))
    return 3 if report.lossy else 0


def _place(text: str) -> Path | str:
    """A path, or a URL as it is."""
    return text if is_url(text) else Path(text)


def describe_report(report: PrepareReport) -> str:
    """Describe the data in one line, then add a line for each thing that was left out and the reason."""
    sets = ", ".join(f"{name} {count}" for name, count in report.frames_of_set.items())
    again = " (already prepared, nothing to do; use --force to prepare again)" if report.already_there else ""
    sources = [_several(len(report.bags), "bag")] if report.bags else []
    sources += [_several(len(report.folders), "picture folder")] if report.folders else []
    frames, episodes = _several(report.frames, "frame"), _several(report.episodes, "episode")
    there = f"{frames} in {episodes} of {' and '.join(sources)} ({sets})"
    size = f", {report.image_size} x {report.image_size} pixels" if report.image_size else ""
    lines = [f"{report.path}: {there}{size}{again}"]
    left_out = {"outside any episode": report.outside_episodes, **report.without_sample, **report.unusable}
    lines += [
        f"  left out: {count} of {report.frames_in_bags} frames, {why}" for why, count in left_out.items() if count
    ]
    if report.unreadable:
        lines.append(f"  left out: {report.unreadable} of {report.pictures} pictures, unreadable")
    lines += [f"  rejected: {count} messages of {topic}" for topic, count in report.messages_refused.items()]
    if report.largest_difference is not None:
        command = report.largest_command_difference
        commands = "" if command is None else f", commands by {command:.1e}"
        lines.append(f"  samples differ from the recorder's by at most {report.largest_difference:.1e} rad{commands}")
    if report.samples_not_recorded:
        lines.append(f"  {report.samples_not_recorded} samples are not among those of the recorder")
    return "\n".join([*lines, *(f"  note: {note}" for note in report.notes)])


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
