"""Data of earlier days to mix into online training: prepared data, or bags that are prepared first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.arrays import TABLE
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.online.settings import OnlineSettings, frame_size, resolve
from aassl_ros.learning.settings import LearnerSettings

_FOLDER = "replay_data"
_SAY_S = 5.0


def open_replay(
    online: OnlineSettings, learner: LearnerSettings, start: Checkpoint | None, say: Callable[[str], object]
) -> PreparedData | None:
    """Open `replay_data`. Bags, and folders of bags, are prepared into RUN_DIR/replay_data, once.

    Args:
        online: with replay_data and run_dir. The frames of bags get the size of the buffer's frames.
        learner, start: decide that size.
        say: called with lines about the progress.

    Returns:
        The data; None if `replay_data` is empty.

    Raises:
        AasslError: there are neither prepared data nor bags, or they cannot be read or written.
    """
    if not online.replay_data:
        return None
    source = Path(online.replay_data).expanduser()
    if (source / TABLE).is_file() or not source.exists():
        return PreparedData.open(source)
    # One process: forked processes of a node would share its connections.
    size = frame_size(online, resolve(learner, online, start, None), None)
    settings = PrepareSettings(image_size=size, workers=1)
    out = Path(online.run_dir).expanduser() / _FOLDER
    said_s = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said_s
        if time.monotonic() > said_s + _SAY_S:
            said_s = time.monotonic()
            say(f"preparing replay_data: {done} of {total} frames.")

    report = prepare([source], out, settings, progress=progress)
    data = PreparedData.open(out)
    done = "are there already" if report.already_there else "were prepared"
    say(f"replay_data {source}: {len(data)} frames of {size} px {done} in {out}.")
    return data
