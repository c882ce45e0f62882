"""The commands that a page shows, and programs that run until they are stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path


def documented_commands(page: Path) -> list[str]:
    """The command lines of a page's bash blocks, without their remarks."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


class Program:
    """A program that runs until it is stopped, and the lines that it has printed."""

    def __init__(self, *words: str, folder: Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def wait_for(self, found: Callable[[str], bool], *, after: int = 0, timeout_s: float = 200.0) -> int:
        """Wait for a line after the first `after` lines. Returns the number of lines up to it."""
        until = time.monotonic() + timeout_s
        with self._said:
            while True:
                for number, line in enumerate(self.lines[after:], start=after + 1):
                    if found(line):
                        return number
                assert self.process.poll() is None, "\n".join(self.lines)
                assert self._said.wait(max(0.0, until - time.monotonic())), "\n".join(self.lines)

    def stop(self) -> str:
        """Stop it as Ctrl-C does, unless it has ended. Returns its output."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=240)
        self._reader.join(timeout=30)
        return "\n".join(self.lines)
