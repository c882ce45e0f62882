"""Work beside a node's reception that must not get in its way."""

from __future__ import annotations

import os
import sys
import threading


def lower_priority(nice: int = 10) -> None:
    """Let the calling thread come after all else on the machine: 0 not at all, 19 last. Does nothing but on Linux."""
    if sys.platform == "linux":  # where each thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
