"""`aassl dryrun ARM`: plan and show the motion of the explorer before a real arm makes it. Needs no ROS."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import Arm, load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.dry_run import SAMPLE_S, DryRun, dry_run
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings

# Distances are measured at every so manyth sample of the motion.
_EVERY = 10
# Rounding of the accelerations, whose differences are the jerk.
_EXCEEDED = 1.001


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arm", help="a name in sim/arms, or the path of a YAML file")
    parser.add_argument("--urdf", type=Path, help="file of the robot description; default: the URDF that the arm names")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the motion, s (default: 20)")
    parser.add_argument("--start", help="joint positions at the start, rad, separated by commas (default: home)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the motion, as of the explorer (default: 0)")
    parser.add_argument("--clearance", type=float, default=0.02, help="smallest distance allowed, m (default: 0.02)")
    parser.add_argument("-o", "--out", type=Path, default=Path("dryrun.png"),
                        help="file for a sheet of pictures of the motion (default: dryrun.png)")  # fmt: skip
    parser.add_argument("--window", action=argparse.BooleanOptionalAction, default=None,
                        help="show the motion in a window; default: if there is a display")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser.add_argument_group("settings of the motion"), ExplorationSettings)


def run(arguments: argparse.Namespace) -> int:
    """Plan, measure and show. Returns 3 if a limit is exceeded, or a link comes too near to the table or the arm."""
    from aassl_ros.sim.arm_viewer import ArmViewer

    arm = load_arm(arguments.arm)
    if not arguments.urdf and not arm.urdf:
        raise ConfigError(f"arm {arm.name!r} names no urdf file: give that of its robot description with --urdf FILE.")
    if arguments.urdf and not arguments.urdf.is_file():
        raise ConfigError(f"no URDF file at {arguments.urdf}.")
    urdf = arguments.urdf or arm.urdf_path()
    motion = _plan(arm, urdf, arguments)
    window = bool(os.environ.get("DISPLAY")) if arguments.window is None else arguments.window
    with ArmViewer(arm, urdf, window=window) as viewer:
        nearest = viewer.nearest(motion.positions[::_EVERY])
        if window:
            viewer.play(motion.positions, len(motion.positions) * SAMPLE_S)
        _write(arguments.out, viewer.sheet(motion.positions))
    facts = {
        "arm": arm.name,
        "seconds": round(len(motion.positions) * SAMPLE_S, 3),
        "trajectories": motion.trajectories,
        "share_of_limits": motion.shares,
        "highest_jerk": float(np.max(np.abs(motion.jerks))) if arm.jerk_limits else None,
        "box_margin_m": motion.box_margin_m,
        "table_m": nearest.table_m,
        "table_link": nearest.link,
        "itself_m": nearest.itself_m,
        "itself_links": list(nearest.pair),
        "picture": str(arguments.out),
    }
    wrong = _problems(facts, arguments.clearance)
    print(json.dumps({**facts, "problems": wrong}) if arguments.json else _table(facts, wrong))
    return 3 if wrong else 0


def _plan(arm: Arm, urdf: Path, arguments: argparse.Namespace) -> DryRun:
    chain = arm.chain(urdf.read_text(encoding="utf-8"))
    planner = ExplorationPlanner(
        arm, chain, read_settings(arguments, ExplorationSettings), np.random.default_rng(arguments.seed)
    )
    start = None
    if arguments.start:
        try:
            start = np.array([float(word) for word in arguments.start.split(",")])
        except ValueError:
            raise ConfigError(f"--start {arguments.start!r}, expected numbers separated by commas.") from None
        if len(start) != len(arm.joints):
            raise ConfigError(f"--start has {len(start)} numbers, expected {len(arm.joints)}.")
    if arguments.seconds <= 0:
        raise ConfigError(f"--seconds {arguments.seconds:g}, expected a number above 0.")
    return dry_run(arm, chain, ArmDriver(arm, planner), arguments.seconds, start)


def _problems(facts: dict[str, Any], clearance: float) -> list[str]:
    found = [
        f"the limit of {name} is exceeded" for name, share in facts["share_of_limits"].items() if share > _EXCEEDED
    ]
    if facts["box_margin_m"] < 0:
        found.append("the tip leaves its box")
    if facts["table_m"] < clearance:
        found.append(f"link {facts['table_link']} comes within {facts['table_m']:.3f} m of the table")
    if facts["itself_m"] < clearance:
        first, second = facts["itself_links"]
        found.append(f"links {first} and {second} come within {facts['itself_m']:.3f} m of each other")
    return found


def _table(facts: dict[str, Any], wrong: list[str]) -> str:
    lines = [f"{facts['arm']}: {facts['seconds']:g} s in {facts['trajectories']} trajectories"]
    lines += [f"  {name:<14} up to {share:4.0%} of its limit" for name, share in facts["share_of_limits"].items()]
    if facts["highest_jerk"] is None:
        lines.append("  jerk           not limited: the arm's file has no jerk_limits")
    lines += [
        f"  box            the tip stays {facts['box_margin_m']:.3f} m inside",
        f"  table          {facts['table_m']:.3f} m away at the nearest ({facts['table_link'] or 'no link'})",
        f"  itself         {facts['itself_m']:.3f} m between links that are far apart in the chain",
        f"  pictures       {facts['picture']}",
    ]
    return "\n".join([*lines, *(f"PROBLEM: {line}" for line in wrong)])


def _write(path: Path, picture: Any) -> None:
    import cv2

    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise ConfigError(f"cannot write {path}. Give the name of a picture in an existing folder, such as motion.png.")
