"""Entry point of the `aassl` command.

Each subcommand is a module with add_arguments(parser) and run(arguments), which returns the exit status.
Exit status: 0 success, 1 failure, 2 wrong use, 3 finished with losses or problems found.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from aassl_ros import __version__
from aassl_ros.errors import AasslError, ConfigError

# Name, summary and module, in the order in which a new user needs them. A module is imported only if its command is
# used, because torch is slow to load.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("run the whole loop here: simulate, record, train, recognize, report", "aassl_ros.cli.demo"),
    "doctor": ("check what works on this machine and how to fix what does not", "aassl_ros.cli.doctor"),
    "collect": ("record the handling of objects into a bag", "aassl_ros.cli.collect"),
    "bag": ("inspect, check, label, recover and play bags", "aassl_ros.cli.bag"),
    "prepare": ("turn bags, folders of pictures or published data sets into training data", "aassl_ros.cli.prepare"),
    "synth": ("render training data: rotating objects with known poses", "aassl_ros.cli.synth"),
    "train": ("train an encoder on prepared data", "aassl_ros.cli.train"),
    "evaluate": ("measure an encoder on objects it has never seen", "aassl_ros.cli.evaluate"),
    "study": ("compare methods or settings: many runs, one table", "aassl_ros.cli.study"),
    "view": ("look at a bag, prepared data or the running robot in Rerun", "aassl_ros.cli.view"),
    "export": ("write only the encoder, as safetensors or ONNX", "aassl_ros.cli.export"),
    "report": ("write one HTML page of a run, a study, a bag, a demo or an open-set result", "aassl_ros.cli.report"),
    "episode": ("mark episodes by hand: start, stop, discard", "aassl_ros.cli.episode"),
    "live": ("teach and recognize objects with a webcam or a video file, without an arm", "aassl_ros.cli.live"),
    "teach": ("teach a running evaluator the object in front of the camera", "aassl_ros.cli.teach"),
    "gallery": (
        "list or report what an evaluator was taught, and undo, rename, merge or delete it",
        "aassl_ros.cli.gallery",
    ),
    "call": ("call a service of a running node: arm, next object, stop, save, pause, split", "aassl_ros.cli.call"),
    "dryrun": ("show the motion of an arm before the real arm makes it", "aassl_ros.cli.dryrun"),
    "bench": ("measure speed against a baseline", "aassl_ros.cli.bench"),
    "up": ("start the nodes of a launch file on a machine without ros2 launch", "aassl_ros.cli.up"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one `aassl` command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("AASSL_DEBUG"))
    # By default, waiting threads of torch spin. If other processes need the cores, training becomes up to fifty times
    # slower (seen in the demo). Sleeping costs little on an idle machine. Torch reads this when first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    try:
        parsed, others = make_parser(words).parse_known_args([word for word in words if word != "--debug"])
        if others and not _launch_arguments(parsed, others):
            parsed.parser.error(f"unrecognized arguments: {' '.join(others)}")
        return int(parsed.run(parsed))
    except AasslError as error:
        if debug:
            raise
        if not error.quiet:
            print(f"aassl: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except BrokenPipeError:
        # The program that reads our output (head, less) has exited. This is not a failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Errors that no layer expects: a full disk, a folder whose permissions have changed.
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"aassl: {where}{error.strerror or error}. Fix this and run the command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("aassl: interrupted.", file=sys.stderr)
        return 1


def _launch_arguments(parsed: argparse.Namespace, words: list[str]) -> bool:
    """Accept name:=value words after an option, where argparse does not look for positional arguments.

    Returns whether all `words` are such arguments of this command.
    """
    if not hasattr(parsed, "arguments") or not all(":=" in word for word in words):
        return False
    parsed.arguments += words
    return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM and a closed terminal like Ctrl-C, so that the nodes we started are stopped."""
    raise KeyboardInterrupt


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser of `aassl`. Only the command in `words` gets its arguments, because only it is imported."""
    parser = argparse.ArgumentParser(prog="aassl", description="Learn to see by handling objects (AA-SSL on ROS 2).")
    parser.add_argument("--version", action="version", version=f"aassl_ros {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in words if word in COMMANDS), None)
    for name, (summary, module_name) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == asked:
            module = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run, parser=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
