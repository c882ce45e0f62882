"""Start and stop node processes without ros2 launch, and keep their output."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, Any

from aassl_ros.bringup.exit_status import describe_exit, exit_failed, thread_places
from aassl_ros.bringup.systems import NodeSpec
from aassl_ros.errors import RosError
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment

# Python 3.10 cannot make a process group without a session.
_APART: dict[str, Any] = {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
# Time for the recorder to close its bag and for the trainer to save its checkpoint.
_STOP_S = 30.0
_KEPT_LINES = 200
# Time for a node that does not stop to print where its threads are.
_DUMP_S = 1.0
# Prefix of a line that a node logged: "[ERROR] [1700000000.123] [recorder]: ".
_LOG_PREFIX = re.compile(r"^\[[A-Z]+\] \[[\d.]+\] \[\S+\]: ")


def command_line(spec: NodeSpec) -> list[str]:
    """Return the command that starts one node, on a machine with or without launch."""
    return [sys.executable, "-m", f"aassl_ros.nodes.{spec.name}", *spec.ros_arguments()]


def echo_problems(name: str, line: str) -> None:
    """Print a node's line on stderr if it is a warning or an error. An `echo` of NodeProcesses."""
    if "[WARN]" in line or "[ERROR]" in line or "[FATAL]" in line:
        # Not on stdout: with --json it must hold only the JSON object.
        print(f"[{name}] {line}", file=sys.stderr, flush=True)


class NodeProcesses:
    """A group of node processes. Use it as a context manager, so that no process is left running.

    log_dir: folder for each node's output, as NAME.log. echo: also called with (name, line) for each line.
    later: names of the nodes that are not started with the others, but by `start`.
    """

    def __init__(
        self,
        specs: Sequence[NodeSpec],
        *,
        log_dir: Path | None = None,
        echo: Callable[[str, str], None] | None = None,
        later: Collection[str] = (),
    ) -> None:
        self._specs, self._later = tuple(specs), frozenset(later)
        self._log_dir = log_dir
        self._echo = echo
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._last_lines: dict[str, deque[str]] = {}
        self._stopped: set[str] = set()  # nodes that ran until we asked them to stop
        self._killed: set[str] = set()  # those of them that did not stop

    def __enter__(self) -> NodeProcesses:
        prepare_environment()
        set_image_transport()
        if self._log_dir is not None:
            self._log_dir.mkdir(parents=True, exist_ok=True)
        for spec in self._specs:
            if spec.name not in self._later:
                self._start(spec)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, spec: NodeSpec) -> None:
        # In its own process group, the node does not get the Ctrl-C of the terminal. We stop the nodes in order. It is
        # not in its own session: Linux shares the processors between sessions, and the trainer's niceness would count
        # only within its own one (autogroup, man 7 sched).
        process = subprocess.Popen(
            command_line(spec),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **_APART,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._processes[spec.name] = process
        self._last_lines[spec.name] = deque(maxlen=_KEPT_LINES)
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(spec.name, process.stdout), daemon=True)
        reader.start()
        self._readers.append(reader)

    def _read(self, name: str, stream: IO[str]) -> None:
        # Without a folder for logs, the lines go only to echo.
        with open(self._log_dir / f"{name}.log" if self._log_dir else os.devnull, "a", encoding="utf-8") as log:
            for line in stream:
                self._last_lines[name].append(line.rstrip())
                log.write(line)
                log.flush()
                if self._echo is not None:
                    self._echo(name, line.rstrip())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the nodes, in the order in which they were started."""
        return tuple(self._processes)

    def exit_status(self, name: str) -> int | None:
        """Return the exit status of a node, or None while it runs."""
        return self._processes[name].poll()

    def process_id(self, name: str) -> int:
        """Return the id of a node's process."""
        return self._processes[name].pid

    def ended(self) -> tuple[str, ...]:
        """Return the names of the nodes that have exited so far."""
        return tuple(name for name, process in self._processes.items() if process.poll() is not None)

    @property
    def stuck(self) -> frozenset[str]:
        """Names of the nodes that were killed because they did not exit when they were asked to stop."""
        return frozenset(self._killed)

    def check(self, *, besides: Collection[str] = ()) -> None:
        """Raise RosError if a node has failed, with its last line of output.

        If several have failed, the error names one that exited before it was asked to stop. besides: names of nodes
        that may have failed.
        """
        failed = [name for name in self.ended() if name not in besides and self._failed(name)]
        if failed:
            raise RosError(self.failure(min(failed, key=lambda name: name in self._stopped)))

    def _failed(self, name: str) -> bool:
        status = self.exit_status(name)
        if status is None:
            return False
        asked = name in self._stopped
        # Python exits with 1 if SIGINT comes before it has imported anything, because there is no handler yet.
        too_early = asked and status == 1 and self._said(name)[-1:] == ["KeyboardInterrupt"]
        return exit_failed(status, asked=asked) and not too_early

    def failure(self, name: str) -> str:
        """Describe in one line how a node exited, with its last line of output."""
        said = self._said(name)
        where = f" See its log: {self._log_dir / (name + '.log')}." if self._log_dir else ""
        status = self.exit_status(name)
        if name in self._killed:
            places = thread_places(self._last_lines[name])
            at = f" Its threads were in {places}." if places else ""
            return f"node {name} was asked to stop, did not exit within {_STOP_S:g} s and was killed.{where}{at}"
        if status is not None and status < 0:
            return f"{describe_exit(name, status)}.{where}"
        return f"{describe_exit(name, status)}: {said[-1] if said else 'it printed nothing'}.{where}"

    def _said(self, name: str) -> list[str]:
        """Return the last lines that a node printed, without their log prefix."""
        return [_LOG_PREFIX.sub("", line).rstrip(".") for line in self._last_lines[name] if line.strip()]

    def stop(self) -> None:
        """Stop all running nodes, the last started first: the explorer before the recorder. May be called again."""
        for name in reversed(self.names):
            self.stop_one(name)
        for reader in self._readers:
            reader.join(timeout=5)

    def stop_one(self, name: str) -> None:
        """Send SIGINT to one node and wait for its exit. Kill it if it takes too long."""
        process = self._processes[name]
        if process.poll() is None:
            self._stopped.add(name)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                self._killed.add(name)
                process.send_signal(signal.SIGUSR1)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=_DUMP_S)
                process.kill()
                process.wait()

    def kill(self, name: str) -> None:
        """Kill one node with SIGKILL, as the system kills one that needs too much memory."""
        self._processes[name].kill()
        self._processes[name].wait()

    def start(self, name: str) -> None:
        """Start a node: one of `later`, or again one that has exited."""
        self._stopped.discard(name)
        self._killed.discard(name)
        self._start(next(spec for spec in self._specs if spec.name == name))

    def wait_for(self, ready: Callable[[], object], seconds: float, otherwise: Callable[[], str]) -> None:
        """Wait until something that nodes do has happened.

        Args:
            ready: whether it has happened.
            seconds: how long to wait.
            otherwise: what the error says if it has not happened by then.

        Raises:
            RosError: a node has failed, or the time is over.
        """
        until = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise RosError(otherwise())
            time.sleep(0.1)  # nodes are other processes: no event of theirs can be waited for

    def wait_any(self, seconds: float) -> bool:
        """Wait until a node exits or the time is over. Returns whether a node has exited."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.ended():
                return True
            time.sleep(0.1)
        return bool(self.ended())
