"""Reserve a ROS domain on this machine, so that two runs do not receive each other's messages or move the same arm."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aassl_ros.errors import RosError
from aassl_ros.files import open_locked

# Domains up to 101 have ports below the ephemeral range on Linux (docs.ros.org, "The ROS_DOMAIN_ID").
_DOMAINS = range(1, 102)


@contextmanager
def own_domain() -> Iterator[int]:
    """Set ROS_DOMAIN_ID for this process and those it starts. A lock file reserves the domain until the block is left.

    Discovery is limited to this machine (on Humble, only by the domain). Raises RosError if all domains are in use.
    """
    before = dict(os.environ)
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        lock = open_locked(Path(tempfile.gettempdir()) / f"aassl_ros_domain_{domain}_{os.getuid()}.lock")
        if lock is None:
            continue
        with lock:
            os.environ |= {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
            try:
                yield domain
            finally:
                for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
                    os.environ.pop(name, None)
                    if name in before:
                        os.environ[name] = before[name]
            return
    raise RosError("all ROS domains are used by other runs on this machine. Wait until one of them has finished.")
