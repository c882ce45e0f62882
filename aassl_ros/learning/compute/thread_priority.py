"""Priority of threads that work while a node receives messages, and must not delay it."""

from __future__ import annotations

import os
import sys
import threading


def lower_priority(nice: int = 10) -> None:
    """Lower the priority of the calling thread: 0 keeps it, 19 is the lowest. Has an effect only on Linux."""
    if sys.platform == "linux":  # there each thread has its own priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
