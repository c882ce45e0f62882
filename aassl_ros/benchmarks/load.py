"""A recorder's process and a synthetic robot's process, for `aassl bench record` and `aassl bench kill`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aassl_ros.data.streams.synthetic_load import Load
from aassl_ros.errors import RosError
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

Process = subprocess.Popen[str]
_STOP_S = 120.0


def start_publisher(load: Load, stamps: Path, *, seconds: float = 1e9) -> Process:
    """Start the robot. It publishes as soon as every topic has a subscriber, and writes its stamps to the file."""
    words = ["aassl_ros.nodes.load_publisher", load.to_text(), "--out", str(stamps)]
    return _start([*words, "--seconds", str(seconds)], "ready")


def start_recorder(load: Load, bag: Path, **parameters: Any) -> Process:
    """Start a recorder of this load and wait until it records. Raises RosError if it does not start."""
    values = {
        "bag": bag,
        "cameras": "[" + ", ".join(f"camera_{number}" for number in range(load.cameras)) + "]",
        "image_transport": "compressed" if load.jpeg else "raw",
        **parameters,
    }
    words = [word for key, value in values.items() for word in ("-p", f"{key}:={value}")]
    return _start(["aassl_ros.nodes.recorder", "--ros-args", *words], "Recording into")


def stop(process: Process) -> str:
    """Stop a process by SIGINT and return what it printed since its start."""
    process.send_signal(signal.SIGINT)
    return rest(process)


def rest(process: Process, after_s: float = 0.0) -> str:
    """Wait for the end of a process and return what it printed since its start. Raises RosError if it does not end.

    after_s: how long the process works before it ends, s.
    """
    try:
        return process.communicate(timeout=after_s + _STOP_S)[0]
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise RosError(f"{' '.join(map(str, process.args[:3]))} did not end.") from error  # type: ignore[index]


@contextlib.contextmanager
def killed_at_end(processes: list[Process]) -> Iterator[None]:
    """Kill those of the processes that still run."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _start(words: list[str], sign: str) -> Process:
    prepare_environment()
    set_image_transport()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said = line
        if sign in line:
            return process
    process.wait()
    raise RosError(f"{words[0]} did not start: {said.strip()}")
