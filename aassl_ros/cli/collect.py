"""`aassl collect -o BAG --seconds N`: handle objects and record them, in simulation or with a real arm."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from aassl_ros.bringup.preflight import check
from aassl_ros.bringup.processes import NodeProcesses, echo_problems
from aassl_ros.bringup.stopping import stop_recording
from aassl_ros.bringup.systems import complete, node_specs
from aassl_ros.cli.up import parse_assignments
from aassl_ros.errors import BagError, ConfigError, RosError
from aassl_ros.progress import progress

# On two busy cores the first simulated frame and DDS discovery take less than this.
_START_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="BAG", help="the bag to write")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to record (default: 60)")
    parser.add_argument("--json", action="store_true", help="print the counts of the recording as one JSON object")
    parser.add_argument(
        "arguments", nargs="*", metavar="arg:=value", help="launch arguments; see: aassl up collect --show-args"
    )


def run(arguments: argparse.Namespace) -> int:
    from aassl_ros.data.bags.reader import BagReader

    if not arguments.seconds > 0:
        raise ConfigError(f"--seconds = {arguments.seconds:g}, expected more than 0.")
    if arguments.out.exists():
        raise ConfigError(f"{arguments.out} already exists. Bags are never overwritten: give another name with -o.")
    values = complete("collect", {"bag": str(arguments.out.resolve()), **parse_assignments(arguments.arguments)})
    specs = node_specs("collect", values)
    check(specs)
    _check_folder(arguments.out)
    try:
        whole = _record(specs, arguments.seconds, arguments.out)
    except RosError as error:
        if any(arguments.out.glob("*.mcap")) and not (arguments.out / "metadata.yaml").exists():
            raise RosError(f"{error} To recover the recording: aassl bag recover {arguments.out}") from error
        raise
    with BagReader(arguments.out) as reader:
        ledger = reader.ledger
    if ledger is None:
        raise BagError(f"{arguments.out} has no ledger: the recorder did not close it. Try: aassl bag info.")
    print(json.dumps(ledger.as_dict()) if arguments.json else f"{arguments.out}: {ledger.summary()}")
    return 0 if whole and not ledger.lossy else 3


def _check_folder(out: Path) -> None:
    """Check that the bag can be written, so that the error comes from here and not from the recorder.

    Raises BagError.
    """
    try:
        out.resolve().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BagError(f"{out} cannot be written: {error.strerror}. Choose another folder.") from error
    if not os.access(out.resolve().parent, os.W_OK):
        raise BagError(f"{out} cannot be written: its folder is read-only. Choose another folder.")


def _record(specs: Any, seconds: float, out: Path) -> bool:
    from aassl_ros.ros.monitor import Monitor

    with Monitor(specs[0].namespace) as monitor, NodeProcesses(specs, echo=echo_problems) as processes:
        _wait_for_frames(monitor, processes)
        started = time.monotonic()
        with progress("recording, s", round(seconds)) as bar:
            while (elapsed := time.monotonic() - started) < seconds:
                processes.check()
                if processes.exit_status("explorer") is not None:
                    break
                values = monitor.values("recorder")
                bar.update(round(elapsed), f"{values['frames_written']} frames, {values['frames_dropped']} dropped")
                time.sleep(0.1)
        return stop_recording(processes, out)


def _wait_for_frames(monitor: Any, processes: NodeProcesses) -> None:
    def otherwise() -> str:
        said = monitor.values("recorder").get("message", "no diagnostics from the recorder")
        return f"no camera frame was recorded within {_START_S:g} s: {said.rstrip('.')}. Try aassl doctor."

    processes.wait_for(lambda: int(monitor.values("recorder").get("frames_written", 0)) > 0, _START_S, otherwise)
