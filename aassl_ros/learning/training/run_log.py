"""The log of a run: RUN/log.jsonl, a line for each update, and event files for TensorBoard where they are wanted."""

from __future__ import annotations

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
    """Raise ConfigError where the package is missing."""
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "tensorboard = True, but the package is not installed. Run: pip install tensorboard, or set it to false."
        )


class EventFiles:
    """Event files in RUN/tensorboard."""

    def __init__(self, run: Path, steps: int) -> None:
        """steps: updates that the run has behind it; TensorBoard then forgets what was told of later ones."""
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter  # only here, for the package is optional

        self._writer: Any = SummaryWriter(str(run / EVENTS), purge_step=steps + 1)

    def write(self, line: Mapping[str, float]) -> None:
        """A line of the log: each value but `step` under its name, at that step."""
        for name, value in line.items():
            if name != "step":
                self._writer.add_scalar(name, value, line["step"])

    def close(self) -> None:
        self._writer.close()


class RunLog:
    """Open for appending, without what a killed run wrote after its last checkpoint, and without damaged lines."""

    def __init__(self, run: Path, steps: int, *, tensorboard: bool) -> None:
        """steps: updates at the checkpoint that the run goes on from. Raises CheckpointError where it cannot write."""
        log = run / LOG
        try:
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            write_whole(log, "".join(line + "\n" for line in lines if _step_of(line) <= steps))
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
