"""The `aassl` command. Each subcommand is a module with add_arguments(parser) and run(arguments) -> exit status.

Exit status: 0 done, 1 failed, 2 wrong use, 3 done but lossy or below a threshold.
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

# In the order a newcomer meets them: name, what it does, module. The module is imported only when its command is
# used, for torch is slow to load.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("the whole loop on this machine: simulate, record, train, recognize, report", "aassl_ros.cli.demo"),
    "doctor": ("what works on this machine, and what mends what does not", "aassl_ros.cli.doctor"),
    "collect": ("record handled objects into a bag", "aassl_ros.cli.collect"),
    "bag": ("look into bags and save damaged ones: info, check, recover", "aassl_ros.cli.bag"),
    "prepare": ("turn bags, folders of pictures or published data sets into training data", "aassl_ros.cli.prepare"),
    "synth": ("draw training data: objects in free rotation, with their poses", "aassl_ros.cli.synth"),
    "train": ("learn an encoder from prepared data", "aassl_ros.cli.train"),
    "evaluate": ("measure an encoder on objects it has never seen", "aassl_ros.cli.evaluate"),
    "study": ("compare methods or settings: many runs, one table", "aassl_ros.cli.study"),
    "export": ("write an encoder alone: safetensors or ONNX", "aassl_ros.cli.export"),
    "report": ("draw the report of a demo folder again", "aassl_ros.cli.report"),
    "episode": ("mark episodes by hand: start, stop, discard", "aassl_ros.cli.episode"),
    "call": ("tell a running node: next object, stop, save, pause, split the bag", "aassl_ros.cli.call"),
    "bench": ("measure speed against a baseline", "aassl_ros.cli.bench"),
    "up": ("start the nodes of a launch file where there is no ros2 launch", "aassl_ros.cli.up"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one `aassl` command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("AASSL_DEBUG"))
    # Threads of torch that wait by spinning bring a machine with anything else to do to a stop: training of the demo
    # fell to a fiftieth. Sleeping waits cost an idle machine a little. Read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    try:
        parsed, others = _parser(words).parse_known_args([word for word in words if word != "--debug"])
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
        # The reader of our output (head, less) has gone; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # What no layer saw coming: a disk that fills up, a folder whose rights have changed.
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"aassl: {where}{error.strerror or error}. Mend this and run the command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("aassl: interrupted.", file=sys.stderr)
        return 1


def _launch_arguments(parsed: argparse.Namespace, words: list[str]) -> bool:
    """Take in name:=value words that stand behind an option, where argparse looks for them no more."""
    if not hasattr(parsed, "arguments") or not all(":=" in word for word in words):
        return False
    parsed.arguments += words
    return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A stop from outside, or a closed terminal, is as Ctrl-C: the nodes we started are put away."""
    raise KeyboardInterrupt


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aassl", description="Learn to see by handling objects (AA-SSL on ROS 2).")
    parser.add_argument("--version", action="version", version=f"aassl_ros {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the trace of an error")
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
