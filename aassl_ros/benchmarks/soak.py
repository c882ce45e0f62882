"""The online system for a long time, while a random node is killed every minute and started again.

It must lose no checkpoint that was announced, no bag, and no node for longer than a restart takes, and no process may
grow. What happens is written to a log, one JSON object a line.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.benchmarks.soak_checks import CheckpointCheck, MemoryWatch, ProgressWatch, SoakLog, check_bags
from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import NodeSpec, node_specs
from aassl_ros.errors import ConfigError

HELP = "the online system for an hour, a random node killed every minute: what is lost, what grows, what is stuck"
_MINUTES, _QUICK_MINUTES = 60.0, 1.0
_TICK_S = 1.0
_NODES = ("simulator", "recorder", "trainer", "evaluator", "explorer")
_PARAMETERS: dict[str, dict[str, Any]] = {
    # Small, so that a restarted trainer soon trains again, and its buffer is soon full: then its memory must not grow.
    "trainer": {"width": 8, "image_size": 32, "batch": 32, "min_frames": 20, "min_episodes": 2, "capacity": 200,
                "normalisation_frames": 20, "max_replay_ratio": 0.0, "save_seconds": 5.0, "duty": 0.3},
    "explorer": {"episode_seconds": 1.0, "patience_s": 600.0, "following_tolerance": 3.0},
    "evaluator": {"worse_by": 1.0},
    "simulator": {"image_size": 64, "camera_hz": 10, "speed": 0.5},
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=0.0, help="how long (default 60, with --quick 1)")
    parser.add_argument("--every", type=float, default=60.0, help="seconds from kill to kill (default 60)")
    parser.add_argument("--warm-up", type=float, default=180.0, help="seconds of a process before it is compared: "
                        "by then its memory allocator has what it needs (default 180)")  # fmt: skip
    parser.add_argument("--stuck", type=float, default=180.0, help="seconds without progress that are a failure "
                        "(default 180)")  # fmt: skip
    parser.add_argument("--log", type=Path, help="file for the log (default: none is kept)")
    parser.add_argument("--seed", type=int, default=0, help="of the kills (default 0)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run what `aassl bench soak` prints."""
    minutes = arguments.minutes or (_QUICK_MINUTES if arguments.quick else _MINUTES)
    if min(minutes, arguments.every) <= 0:
        raise ConfigError("aassl bench soak: minutes and every must be above 0.")
    with tempfile.TemporaryDirectory(prefix="aassl-soak-") as folder, SoakLog(arguments.log) as log:
        return Soak(Path(folder), log, arguments).run(60 * minutes)


class Soak:
    """One soak: the nodes, and what is checked while they run."""

    def __init__(self, folder: Path, log: SoakLog, arguments: argparse.Namespace) -> None:
        self._folder, self._log, self._every_s = folder, log, arguments.every
        self._rng = random.Random(arguments.seed)
        self._memory = MemoryWatch(log, arguments.warm_up)
        self._progress = ProgressWatch(log, arguments.stuck)
        self._checkpoints = CheckpointCheck(log)
        self._kills, self._ended, self._bags = 0, 0, 0
        self._bag_problems: list[str] = []

    def run(self, seconds: float) -> dict[str, Any]:
        """Run for some seconds after all nodes work. Returns the figures."""
        from aassl_ros.ros.monitor import Monitor  # only here: the other benchmarks do not need rclpy

        gallery = write_patterns(self._folder / "gallery", instances=4, frames=10, image_size=32)
        with own_domain(), Monitor() as monitor, NodeProcesses(specs(self._folder, gallery.path)) as processes:
            while not self._progress.all_work():
                self._tick(monitor, processes)
            self._progress.stuck.clear()  # not of the soak: on a busy machine the first start of all takes long
            begun = next_kill = time.monotonic()
            self._log.write("begin", seconds=seconds)
            while time.monotonic() < begun + seconds:
                if time.monotonic() >= next_kill:
                    next_kill += self._every_s
                    self._kill(self._rng.choice(_NODES), processes)
                self._tick(monitor, processes)
            # Whatever was killed last must work again, too.
            self._progress.forget()
            while not self._progress.all_work() and not self._progress.stuck:
                self._tick(monitor, processes)
            processes.stop()
        self._check_bags()
        self._checkpoints.check_last()
        return self._figures(time.monotonic() - begun)

    def _tick(self, monitor: Any, processes: NodeProcesses) -> None:
        time.sleep(_TICK_S)
        for name in processes.ended():
            self._ended += 1
            self._log.write("ended by itself", node=name, line=processes.failure(name))
            self._restart(name, processes)
        for name in _NODES:
            self._memory.sample(name, processes.process_id(name))
        self._checkpoints.add(monitor.checkpoints)
        self._progress.look(monitor)
        for received in (monitor.answers, monitor.answered_ns):
            del received[:-1]  # they are not needed, and would fill this process's memory

    def _kill(self, name: str, processes: NodeProcesses) -> None:
        self._kills += 1
        self._log.write("kill", node=name, number=self._kills)
        processes.kill(name)
        if name == "recorder":
            self._check_bags()
        self._restart(name, processes)

    def _restart(self, name: str, processes: NodeProcesses) -> None:
        self._memory.end(name)
        self._checkpoints.check_last()
        processes.start(name)
        self._progress.restarted(name)

    def _check_bags(self) -> None:
        """Recover and read all bags; a recorder may not be running. They are removed afterwards."""
        checked, problems = check_bags(self._folder / "bags", self._log)
        self._bags += checked
        self._bag_problems += problems

    def _figures(self, seconds: float) -> dict[str, Any]:
        self._memory.end_all()
        lost, stuck, growth = self._checkpoints.lost, self._progress.stuck, self._memory.worst
        figures = {
            "passed": not (lost or stuck or self._bag_problems or self._ended) and growth <= 0.05,
            "minutes": seconds / 60,
            "kills": self._kills,
            "checkpoints": self._checkpoints.announced,
            "checkpoints_lost": len(lost),
            "bags": self._bags,
            "bags_unreadable": len(self._bag_problems),
            "stuck": len(stuck),
            "ended_by_themselves": self._ended,
            "longest_restart_s": self._progress.longest_s,
            "processes_compared": self._memory.compared,
            "worst_growth": growth,
            "worst_growth_of": self._memory.worst_of,
        }
        self._log.write("end", **figures)
        return figures


def specs(folder: Path, gallery: Path) -> tuple[NodeSpec, ...]:
    """The nodes of `aassl up online`, small, in this folder."""
    config = folder / "config"
    config.mkdir(parents=True)
    for node, parameters in _PARAMETERS.items():
        (config / f"{node}.yaml").write_text(yaml.safe_dump({f"/**/{node}": {"ros__parameters": parameters}}))
    given = {
        "config": str(config),
        "bag_dir": str(folder / "bags"),
        "run_dir": str(folder / "run"),
        "checkpoint": "none",
        "gallery": str(gallery),
        "taught": "",
        "device": "cpu",
    }
    return node_specs("online", given)
