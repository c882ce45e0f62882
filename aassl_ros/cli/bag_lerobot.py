"""`aassl bag export` and `aassl bag import`: bags to LeRobot datasets v3 and back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.data.bags.containers import recordings
from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.import_settings import ImportSettings
from aassl_ros.data.lerobot.settings import ExportSettings
from aassl_ros.data.lerobot.to_bag import import_lerobot
from aassl_ros.progress import progress_once_known


def add_export(actions: Any) -> None:
    """Add the action `export`."""
    summary = "write the episodes of bags as a LeRobot dataset v3"
    parser = actions.add_parser("export", help=summary, description=f"{summary.capitalize()} (docs/lerobot.md).")
    about = "bags of the same cameras and joints: folders, or .mcap, .db3 or .bag files"
    parser.add_argument("bag", type=Path, metavar="BAG", nargs="+", help=about)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DATASET", help="the folder to make")
    parser.add_argument("--to", choices=["lerobot"], default="lerobot", help="the format (default: lerobot)")
    parser.add_argument("--force", action="store_true", help="replace the dataset if it exists")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser, ExportSettings)
    parser.set_defaults(act=_export)


def _export(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, ExportSettings)
    with progress_once_known("pictures encoded") as show:
        report = export_lerobot(
            recordings(arguments.bag), arguments.out, settings, force=arguments.force, progress=show
        )
    print(json.dumps(report.to_json()) if arguments.json else "\n".join(report.lines()))
    return 3 if report.lossy else 0


def add_import(actions: Any) -> None:
    """Add the action `import`."""
    summary = "write a LeRobot dataset v3 as a bag"
    parser = actions.add_parser("import", help=summary, description=f"{summary.capitalize()} (docs/lerobot.md).")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="the folder that holds meta/info.json")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="BAG", help="the bag to make")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser, ImportSettings)
    parser.set_defaults(act=_import)


def _import(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, ImportSettings)
    with progress_once_known("rows imported") as show:
        report = import_lerobot(arguments.dataset, arguments.out, settings, progress=show)
    print(json.dumps(report.to_json()) if arguments.json else "\n".join(report.lines()))
    return 3 if report.lossy else 0
