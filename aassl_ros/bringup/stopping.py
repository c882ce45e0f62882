"""Stop nodes that record. If the recorder has to be killed, its bag is recovered."""

from __future__ import annotations

import sys
from pathlib import Path

from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.data.bags.recovery import recover_in_place

_RECORDER = "recorder"


def stop_recording(processes: NodeProcesses, bag: Path) -> bool:
    """Stop all nodes. If the recorder does not exit and is killed, recover its bag, and say so on stderr.

    Args:
        processes: the running nodes.
        bag: the folder of the bag that the recorder writes.

    Returns:
        Whether the bag is whole. The last half second of a recovered bag may be missing.

    Raises:
        RosError: a node has failed.
        BagError: nothing of the bag can be recovered.
    """
    processes.stop()
    stuck = processes.stuck & {_RECORDER}
    processes.check(besides=stuck)
    if stuck:
        counts = recover_in_place(bag)
        line = f"{processes.failure(_RECORDER)} Its bag was recovered: {counts.messages} messages."
        print(" ".join([line, *counts.notes]), file=sys.stderr, flush=True)
    return not stuck
