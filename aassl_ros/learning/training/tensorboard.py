"""What a run logs, for TensorBoard: `tensorboard --logdir RUN`. The package is optional (extra `tensorboard`)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aassl_ros.errors import ConfigError

FOLDER = "tensorboard"


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

        self._writer: Any = SummaryWriter(str(run / FOLDER), purge_step=steps + 1)

    def write(self, line: Mapping[str, float]) -> None:
        """A line of the log: each value but `step` under its name, at that step."""
        for name, value in line.items():
            if name != "step":
                self._writer.add_scalar(name, value, line["step"])

    def close(self) -> None:
        self._writer.close()
