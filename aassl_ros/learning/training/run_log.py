"""The log of a run: RUN/log.jsonl, a line for each update, and event files for TensorBoard where they are wanted."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from aassl_ros.errors import CheckpointError
from aassl_ros.learning.training.tensorboard import EventFiles

LOG = "log.jsonl"


class RunLog:
    """Open for appending, without what a killed run wrote after its last checkpoint, and without damaged lines."""

    def __init__(self, run: Path, steps: int, *, tensorboard: bool) -> None:
        """steps: updates at the checkpoint that the run goes on from. Raises CheckpointError where it cannot write."""
        log = run / LOG
        part = run / f".{LOG}.part"
        try:
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            part.write_text("".join(line + "\n" for line in lines if _step_of(line) <= steps))
            os.replace(part, log)
            self._stream = open(log, "a", buffering=1)  # noqa: SIM115  # closed on leaving
            self._events = EventFiles(run, steps) if tensorboard else None
        except OSError as error:
            raise CheckpointError(
                f"{log} cannot be written: {error.strerror}. Free some room or mend {run}."
            ) from error

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if self._events is not None:
            self._events.close()

    def write(self, line: Mapping[str, float]) -> None:
        """Values by name, `step` among them."""
        self._stream.write(json.dumps(line) + "\n")
        if self._events is not None:
            self._events.write(line)


def _step_of(line: str) -> float:
    """The step of a line of the log; of a damaged one, infinity."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
