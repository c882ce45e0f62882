"""`aassl gallery list|report|undo|rename|merge|delete`: look at what an evaluator was taught, and change it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aassl_ros.data.interfaces.json_gallery import GALLERY_COMMAND
from aassl_ros.data.interfaces.json_records import GalleryCommand, GalleryNews
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import ConfigError

_NAMES = {"list": 0, "report": 0, "undo": 0, "delete": 1, "rename": 2, "merge": 2}
_USE = "list, report, undo, delete NAME, rename OLD NEW, merge NAME INTO"
_PAGE = Path("gallery.html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=_NAMES, metavar="WHAT", nargs="?", default="list", help=f"{_USE} (default: list)"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="categories")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the page of report, with a reliability diagram (default: {_PAGE})",
    )
    parser.add_argument("--namespace", default="", help="namespace of the robot's nodes")


def run(arguments: argparse.Namespace) -> int:
    if len(arguments.names) != _NAMES[arguments.what]:
        raise ConfigError(f"gallery {arguments.what}: {len(arguments.names)} names given, expected one of: {_USE}.")
    if arguments.what == "report":
        from aassl_ros.cli.gallery_report import write_gallery_report

        out = arguments.out or _PAGE
        write_gallery_report(send(arguments.namespace, command="list"), out)
        print(out)
        return 0
    if arguments.out is not None:
        raise ConfigError(f"gallery {arguments.what}: --out applies only to gallery report.")
    keys = dict(zip(("category", "to"), arguments.names, strict=False))
    print(told(send(arguments.namespace, command=arguments.what, **keys)))
    return 0


def send(namespace: str, begun: Callable[[], None] = lambda: None, **values: Any) -> GalleryNews:
    """Send a command to the evaluator of a namespace. Raises ConfigError for a wrong value, RosError if it fails."""
    command = GalleryCommand(**values)
    try:
        GALLERY_COMMAND.check(vars(command))
    except JsonMessageError as error:
        raise ConfigError(str(error)) from error
    from aassl_ros.ros.gallery_caller import send_gallery_command

    return send_gallery_command(command, namespace=namespace, begun=begun)


def told(news: GalleryNews) -> str:
    """What was done and what is taught, as text."""
    lines = [] if news.done == "list" else [f"done: {news.done}"]
    width = max(map(len, (*news.categories, *news.others)), default=0)
    for name, counts in news.categories.items():
        lines.append(f"{name:<{width}}  {counts['views']} views of {_objects(counts['objects'])}")
    lines += [f"{name:<{width}}  of the labelled data" for name in news.others]
    if not news.categories and not news.others:
        lines.append("nothing is taught yet: aassl teach NAME")
    if news.accuracy is not None:
        lines.append(f"{100 * news.accuracy:.0f} % of the objects left out are named correctly ({news.classifier})")
    if news.calibration_error is not None:
        lines.append(f"{100 * news.calibration_error:.1f} % calibration error of these names (aassl gallery report)")
    if news.unknown_refused is not None:
        lines.append(
            f"{100 * news.unknown_refused:.0f} % of the views of a category that is left out are called unknown"
        )
    if news.undo:
        lines.append(f"aassl gallery undo would undo: {news.undo}")
    return "\n".join(lines)


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count} objects"
