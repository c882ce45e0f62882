"""`aassl live [--source 0]`: teach and recognize objects with a webcam, a video file or in simulation."""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aassl_ros.bringup.preflight import check
from aassl_ros.bringup.processes import NodeProcesses, echo_problems
from aassl_ros.bringup.systems import complete, node_specs
from aassl_ros.cli.up import parse_assignments
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.errors import ConfigError, RosError

# torch and the encoder are loaded within this time, also on two busy cores.
_START_S = 120.0
# An answer is shown if most of the last frames, about a second, have it: single views may be called unknown.
_LAST_FRAMES, _MOST = 15, 12
_STEPS = """\
1. Teach:  {show}, and in another terminal:  aassl teach mug
2. Look:   {look}. Teach a second object, then show both again.
3. Undo:   aassl gallery undo  (aassl gallery list shows what is taught; it stays in the folder {taught})
Ctrl-C stops."""
# The page node prints this with its address.
_PAGE_LINE = "page: open "
SIMULATION = "simulation"
_SHOWS = {
    "camera": "hold an object in front of the camera, turn it",
    "video": "wait until the video shows the object",
    "sim": "wait until the arm holds the object",
}
_SIMULATED = {
    "robot": "sim",
    "objects": "train:mug_0003,train:chair_0002",
    "episode_seconds": "30",
    "repeat": "true",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        default="0",
        help=f"a camera (0 or /dev/video0), a video file, or {SIMULATION}: a simulated arm (default: 0)",
    )
    parser.add_argument("--taught", metavar="DIR", help="folder of the taught objects (default: taught)")
    parser.add_argument("--gallery", metavar="DATA", help="labelled prepared data that are known from the start")
    parser.add_argument("--checkpoint", metavar="RUN", help="an adapted encoder (default: pretrained)")
    parser.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=find_spec("aiohttp") is not None,
        help="start the web page, too (default: if its extra is installed)",
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="arg:=value", help="launch arguments; see: aassl up live --show-args"
    )


def run(arguments: argparse.Namespace) -> int:
    if wrong := next((word for word in arguments.arguments if ":=" not in word), None):
        raise ConfigError(f"{wrong!r} is not name:=value. A camera or a video file: aassl live --source {wrong}")
    given = dict(_SIMULATED) if arguments.source == SIMULATION else {"camera_source": arguments.source}
    given["page"] = "true" if arguments.page else "false"
    given |= {key: value for key in ("taught", "gallery", "checkpoint") if (value := getattr(arguments, key))}
    values = complete("live", given | parse_assignments(arguments.arguments))
    specs = node_specs("live", values)
    check(specs)
    from aassl_ros.ros.monitor import Monitor

    print("starting ...", flush=True)
    with NodeProcesses(specs, echo=_echo) as processes, Monitor(values["namespace"]) as monitor:
        try:
            _wait_for_answers(monitor, processes)
            look, taught = "this terminal names what the camera sees", values["taught"] or "taught"
            print(_STEPS.format(show=_SHOWS[_kind(values)], look=look, taught=taught), flush=True)
            _tell_answers(monitor, processes)
        except KeyboardInterrupt:
            pass
        processes.stop()
        processes.check()
    return 0


def _kind(values: Mapping[str, str]) -> str:
    """What shows objects, by the arguments of the system."""
    if values["robot"] == "sim":
        return "sim"
    return "video" if Path(values["camera_source"]).is_file() else "camera"


def _echo(name: str, line: str) -> None:
    """Print problems of the nodes, and the address of the page."""
    if name == "page" and line.startswith(_PAGE_LINE):
        print(f"the page: {line.removeprefix(_PAGE_LINE)}", flush=True)
    else:
        echo_problems(name, line)


def _wait_for_answers(monitor: Any, processes: NodeProcesses) -> None:
    until = time.monotonic() + _START_S
    while not monitor.answers:
        _check_all(processes)
        if time.monotonic() > until:
            line = monitor.values("evaluator").get("message", "no diagnostics from the evaluator")
            raise RosError(f"there was no answer within {_START_S:g} s: {line.rstrip('.')}. Try aassl doctor.")
        time.sleep(0.05)


def _tell_answers(monitor: Any, processes: NodeProcesses) -> None:
    """Print each new answer, until a node has failed."""
    told, last = "", deque[str](maxlen=_LAST_FRAMES)
    while True:
        _check_all(processes)
        new: list[EvaluatorAnswer] = _taken(monitor.answers)
        for event in _taken(monitor.episodes):
            if event.event == "start":
                print(f"the arm holds a {event.category or event.instance}", flush=True)
                last.clear()
                told = ""
        for answer in new:
            last.append(answer.label)
            if answer.label != told and last.count(answer.label) >= _MOST:
                told = answer.label
                print(_describe(answer), flush=True)
        time.sleep(0.05)


def _taken(messages: list[Any]) -> list[Any]:
    """Take the messages out of a list that another thread fills, so that it does not grow for days."""
    found = messages[:]
    del messages[: len(found)]
    return found


def _describe(answer: EvaluatorAnswer) -> str:
    if answer.label != UNKNOWN:
        return f"{answer.label}  {100 * answer.scores[answer.label]:.0f} %"
    if not answer.scores:
        return "unknown: nothing is taught yet"
    best = max(answer.scores, key=lambda name: answer.scores[name])
    return f"unknown (nearest: {best})"


def _check_all(processes: NodeProcesses) -> None:
    """Raise RosError if a node has failed or has exited."""
    processes.check()
    if ended := processes.ended():
        raise RosError(f"node {ended[0]} has exited. Start aassl live again.")
