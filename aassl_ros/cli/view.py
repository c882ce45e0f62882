"""`aassl view SOURCE`: look at a bag, prepared data or the running robot in Rerun."""

from __future__ import annotations

import argparse
from pathlib import Path

from aassl_ros.data.prepared.data import TABLE
from aassl_ros.errors import ConfigError
from aassl_ros.progress import progress

LIVE = "live"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a bag, a folder of prepared data, or the word live")
    parser.add_argument("--save", type=Path, metavar="FILE.rrd", help="write a file instead of opening the viewer")
    parser.add_argument("--start-s", type=float, default=0.0, metavar="S", help="time in the bag at which to begin")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="how much to show; 0: all (default: 0)")
    parser.add_argument("--episodes", type=int, default=20, help="of prepared data; 0: all (default: 20)")
    parser.add_argument("--image-size", type=int, default=320, metavar="PX", help="longer side (default: 320)")
    parser.add_argument("--namespace", default="", help="live: namespace of the robot's nodes")


def run(arguments: argparse.Namespace) -> int:
    for name, least in (("start_s", 0), ("seconds", 0), ("episodes", 0), ("image_size", 16)):
        if not getattr(arguments, name) >= least:
            raise ConfigError(f"view: {name} = {getattr(arguments, name)}, expected at least {least}.")
    source = Path(arguments.source)
    if arguments.source != LIVE and not source.exists():
        raise ConfigError(f"view: {source} does not exist, expected a bag, prepared data, or the word {LIVE}.")
    from aassl_ros.view.recorded import view_bag, view_prepared
    from aassl_ros.view.rerun_log import RerunLog

    with RerunLog(source.name, arguments.save, image_size=arguments.image_size) as log:
        if arguments.source == LIVE:
            from aassl_ros.nodes.live_view import view_live

            view = view_live(log, namespace=arguments.namespace, seconds=arguments.seconds)
            _told(view.shown, view.skipped)
        elif (source / TABLE).exists():
            with progress("showing", 100) as bar:
                shown = view_prepared(
                    source, log, episodes=arguments.episodes, progress=lambda share: bar.update(round(100 * share))
                )
            print(f"{shown} frames shown.")
        else:
            with progress("showing", 100) as bar:
                view = view_bag(
                    source,
                    log,
                    start_s=arguments.start_s,
                    seconds=arguments.seconds,
                    progress=lambda share: bar.update(round(100 * share)),
                )
            _told(view.shown, view.skipped)
    if arguments.save is not None:
        print(f"Open it with: rerun {arguments.save}")
    return 0


def _told(shown: dict[str, int], skipped: int) -> None:
    for topic, count in sorted(shown.items()):
        print(f"{topic}: {count} messages shown")
    if skipped:
        print(f"{skipped} messages could not be read")
