"""Check a system before its nodes are started: missing files, an absent camera, an unknown arm, a bag that
already exists.

Each node makes the same checks, but only seconds later, when an arm may be moving and a bag may be open.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from aassl_ros.bringup.systems import NodeSpec
from aassl_ros.data.streams.video_source import check_source
from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import load_arm

_MUST_EXIST = ("gallery", "seen", "checkpoint", "replay_data")


def _parameter(spec: NodeSpec, name: str) -> str:
    """The value that a node will have: the argument, else that of its parameter file; empty if neither has one."""
    given = spec.parameters.get(name)
    if given in (None, ""):
        given = _parameters_in_file(Path(spec.parameters_file), spec.name).get(name)
    return str(given or "")


def _parameters_in_file(file: Path, node: str) -> dict[str, Any]:
    """The parameters that a file has for a node; empty if it cannot be read: the node says what is wrong with it."""
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    found: dict[str, Any] = {}
    for name, section in content.items() if isinstance(content, dict) else ():
        values = section.get("ros__parameters") if isinstance(section, dict) else None
        if isinstance(values, dict) and str(name).rpartition("/")[2] in ("**", node):
            found |= values
    return found


def _has_its_own(spec: NodeSpec) -> bool:
    """If a trainer's run has a checkpoint already: it does not need the one that its parameter names."""
    run = _parameter(spec, "run_dir") if spec.name == "trainer" else ""
    return bool(run) and os.path.lexists(Path(run).expanduser() / "checkpoint")


def check(specs: Sequence[NodeSpec]) -> None:
    """Raise an AasslError for the first of these nodes that cannot start with its parameters."""
    for spec in specs:
        for name in _MUST_EXIST:
            path = _parameter(spec, name)
            if name == "checkpoint" and (path == "none" or _has_its_own(spec)):
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
