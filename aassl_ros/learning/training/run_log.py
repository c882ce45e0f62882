"""The log of a run: RUN/log.jsonl, a line for each update, and event files for TensorBoard if they are wanted."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.files import write_whole

LOG = "log.jsonl"
EVENTS = "tensorboard"


def check_tensorboard() -> None:
    """Raise ConfigError if the package tensorboard is missing."""
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "tensorboard = True, but the package is not installed. Run: pip install tensorboard, or set it to false."
        )


class EventFiles:
    """Writes event files to RUN/tensorboard."""

    def __init__(self, run: Path, steps: int) -> None:
        """steps: number of updates before this part of the run; TensorBoard drops older entries of later steps."""
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter  # only here: the package is optional

        self._writer: Any = SummaryWriter(str(run / EVENTS), purge_step=steps + 1)

    def write(self, line: Mapping[str, float]) -> None:
        """Write a line of the log: each value except `step` under its name, at that step."""
        for name, value in line.items():
            if name != "step":
                self._writer.add_scalar(name, value, line["step"])

    def close(self) -> None:
        self._writer.close()


class RunLog:
    """Appends lines to RUN/log.jsonl. Damaged lines, and lines after the checkpoint it resumes from, are removed."""

    def __init__(self, run: Path, steps: int, *, tensorboard: bool) -> None:
        """steps: number of updates at the checkpoint to resume from. Raises CheckpointError if it cannot write."""
        log = run / LOG
        try:
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            write_whole(log, "".join(line + "\n" for line in lines if _step_of(line) <= steps))
            self._stream = open(log, "a", buffering=1)  # noqa: SIM115  # closed in __exit__
            self._events = EventFiles(run, steps) if tensorboard else None
        except OSError as error:
            raise CheckpointError(
                f"{log} cannot be written: {error.strerror}. Free some disk space, or check the permissions of {run}."
            ) from error

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # the disk is full: lines are missing, but the checkpoints count
            self._stream.close()
        with contextlib.suppress(OSError):
            if self._events is not None:
                self._events.close()

    def write(self, line: Mapping[str, float]) -> None:
        """Append a line. line: values by name, including `step`. It is missing if the disk is full."""
        with contextlib.suppress(OSError):
            self._stream.write(json.dumps(line) + "\n")
        with contextlib.suppress(OSError):
            if self._events is not None:
                self._events.write(line)


def _step_of(line: str) -> float:
    """Return the step of a line of the log; infinity if the line is damaged."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
