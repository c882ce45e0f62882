"""Check a system before its nodes are started: missing files, an absent camera, an unknown arm, a bag that
already exists.

Each node makes the same checks, but only seconds later, when an arm may be moving and a bag may be open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aassl_ros.bringup.systems import NodeSpec
from aassl_ros.data.streams.video_source import check_source
from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import load_arm

_MUST_EXIST = ("gallery", "seen", "checkpoint", "replay_data")


def check(specs: Sequence[NodeSpec]) -> None:
    """Raise an AasslError for the first of these nodes that cannot start with its parameters."""
    for spec in specs:
        for name in _MUST_EXIST:
            path = str(spec.parameters.get(name) or "")
            if name == "checkpoint" and path == "none":
                continue
            if name == "checkpoint" and path.partition(":")[0] == "pretrained":
                from aassl_ros.learning.encoders.pretrained import check_installed  # imports torch

                check_installed(path)
                continue
            if path and not Path(path).expanduser().exists():
                raise ConfigError(f"{spec.name}: {name} {path} does not exist.")
        if spec.name == "camera" and "source" in spec.parameters:
            check_source(spec.parameters["source"], now=True)
        if arm := spec.parameters.get("arm"):
            load_arm(arm)
        if (bag := spec.parameters.get("bag")) and Path(bag).expanduser().exists():
            raise ConfigError(f"{spec.name}: {bag} already exists. Bags are never overwritten: give another name.")
