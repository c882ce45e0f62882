"""Run the stages of the demo: up collect, prepare, train, up online, evaluate, report. Each is also a user command."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.stopping import stop_recording
from aassl_ros.bringup.systems import node_specs
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.demo.folder import REPORT_STAGE, DemoFolder, StageRecord, write_json
from aassl_ros.demo.live import score_answers
from aassl_ros.demo.plan import PRETRAINED, SCRATCH, SCRATCH_SIZE, DemoPlan, DemoSettings
from aassl_ros.errors import AasslError, DataError
from aassl_ros.paths import share
from aassl_ros.progress import progress

_TRAIN = {
    PRETRAINED: "adapt a pretrained encoder to them with AA-SSL, without labels",
    SCRATCH: "train an encoder on them with AA-SSL, without labels",
}
_ENCODER = "efficientnet_lite0"
# Frames of an episode look alike: more of them take longer and change little.
_FRAMES_PER_EPISODE = 8
_READY_FIRST = {"recorder", "trainer", "evaluator"}  # they must hear the first object
_READY_S = 120.0


class Demo:
    """Run the stages in order, and skip those that an interrupted run has finished."""

    def __init__(self, folder: DemoFolder, settings: DemoSettings, plan: DemoPlan) -> None:
        self._folder = folder
        self._settings = settings
        self._plan = plan
        self._stages: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("collect", f"an arm handles {len(plan.offline)} objects and is recorded", self._collect),
            ("prepare", "make training data from the bags", self._prepare),
            ("train", _TRAIN[settings.start], self._train),
            *((("reference", "train a small encoder from scratch, for comparison", self._train_reference),)
              if settings.pretrained else ()),
            (
                "online",
                "continue training in the trainer node while the evaluator recognizes unseen objects",
                self._online,
            ),
            ("evaluate", "measure all encoders on unseen objects", self._evaluate),
            (REPORT_STAGE, "write report.html and metrics.json", self._report),
        )  # fmt: skip

    def run(self) -> None:
        """Run the stages that are not finished. Raises AasslError; a later run continues with the unfinished stage."""
        record = StageRecord(self._folder, self._settings)
        for number, (name, what, stage) in enumerate(self._stages, start=1):
            if record.is_done(name):
                print(f"[{number}/{len(self._stages)}] {name}: already done", flush=True)
                continue
            print(f"[{number}/{len(self._stages)}] {name}: {what}", flush=True)
            started = time.monotonic()
            stage()
            record.mark_done(name, time.monotonic() - started)

    def _collect(self) -> None:
        shutil.rmtree(self._folder.collect_bag, ignore_errors=True)
        self._handle("collect", self._plan.offline, {"bag": str(self._folder.collect_bag)})

    def _prepare(self) -> None:
        size = ("--image-size", str(self._settings.image_size))
        self._aassl("prepare", str(self._folder.collect_bag), "-o", str(self._folder.data), *size, "--force")

    def _train(self) -> None:
        settings = self._settings
        if settings.pretrained:
            self._train_run(self._folder.offline_run, "adapt", settings.image_size, settings.train_seconds)
        else:
            self._train_run(self._folder.offline_run, "train", self._scratch_size, settings.train_seconds)

    def _train_reference(self) -> None:
        self._train_run(self._folder.scratch_run, "train", self._scratch_size, self._settings.reference_seconds)

    @property
    def _scratch_size(self) -> int:
        return min(SCRATCH_SIZE, self._settings.image_size)

    def _train_run(self, run: Path, config: str, image_size: int, seconds: float) -> None:
        words = ["-o", str(run), "--seed", str(self._settings.seed), "--image-size", str(image_size)]
        words += ["--config", str(share(f"config/demo/{config}.yaml")), "--set", f"max_seconds={seconds:g}"]
        if (run / "checkpoint").exists():
            words.append("--resume")
        self._aassl("train", str(self._folder.data), *words)

    def _online(self) -> None:
        shutil.rmtree(self._folder.online_bag, ignore_errors=True)
        shutil.rmtree(self._folder.online_run, ignore_errors=True)
        arguments = {
            "bag": str(self._folder.online_bag),
            "run_dir": str(self._folder.online_run),
            "checkpoint": str(self._folder.offline_run / "checkpoint"),
            "replay_data": str(self._folder.data),
            "gallery": str(self._folder.data),
            "taught": "",
            # Every object shown is of a known category.
            "refuse_known": "0.0",
        }
        answers, episodes = self._handle("online", self._plan.online, arguments)
        scored = score_answers(answers, episodes)
        if not scored:
            raise DataError(
                "the evaluator gave no answer for any test object. "
                f"See its log: {self._folder.logs}/online/evaluator.log."
            )
        write_json(self._folder.live, [answer.to_json() for answer in scored])
        target = self._folder.online_run / "checkpoint"
        if not target.exists():
            raise DataError(f"the trainer saved no checkpoint. See its log: {self._folder.logs}/online/trainer.log.")
        self._folder.checkpoint.unlink(missing_ok=True)
        self._folder.checkpoint.symlink_to(os.path.relpath(target, self._folder.root))

    def _evaluate(self) -> None:
        """Evaluate each encoder. Those of one architecture share the baselines, which are measured once."""
        frozen = Path(f"pretrained:{_ENCODER}:{self._settings.image_size}")
        runs = {
            "offline": self._folder.offline_run,
            "online": self._folder.online_run,
            "scratch": self._folder.scratch_run,
        }
        shared: dict[str, Any] = {}
        for phase in self._settings.phases:
            source = frozen if phase == "frozen" else runs[phase] / "checkpoint"
            words = ["--frames-per-episode", str(_FRAMES_PER_EPISODE), "--json"]
            if phase != "scratch" and shared:
                words += ["--baselines", "false"]
            found = json.loads(self._aassl("evaluate", str(source), str(self._folder.data), *words, capture=True))
            if phase != "scratch":
                shared = shared or {key: found[key] for key in found if key.startswith("baselines")}
                found |= shared
            write_json(self._folder.evaluation(phase), found)

    def _report(self) -> None:
        from aassl_ros.demo.report import write_metrics, write_report

        write_metrics(self._folder)
        write_report(self._folder)

    def _handle(
        self, system: str, objects: tuple[str, ...], arguments: Mapping[str, str]
    ) -> tuple[list[EvaluatorAnswer], list[EpisodeEvent]]:
        """Run a system until its explorer has handled all objects. Returns the answers and episode events received."""
        from aassl_ros.ros.monitor import Monitor

        given = {
            "arm": self._settings.arm,
            "config": str(share("config/demo")),
            "objects": ",".join(objects),
            "episode_seconds": str(self._settings.episode_seconds),
            "exit_when_done": "true",
            "seed": str(self._settings.seed),
            **arguments,
        }
        specs = node_specs(system, given)
        logs = self._folder.logs / system
        with Monitor() as monitor, NodeProcesses(specs, log_dir=logs, later=("explorer",)) as processes:
            # On a slow machine torch takes many seconds to load. What is handled meanwhile would not be learned from.
            _wait_until_ready(processes, monitor.values, {spec.name for spec in specs} & _READY_FIRST)
            processes.start("explorer")
            with progress("objects handled", len(objects)) as bar:
                while processes.exit_status("explorer") is None:
                    processes.check()
                    ended = sum(event.event == "stop" for event in monitor.episodes)
                    bar.update(ended, note=_note(monitor.values))
                    time.sleep(0.2)
            time.sleep(0.5)  # the last answers are still on their way, and no message marks the end
            stop_recording(processes, Path(arguments["bag"]))
            return list(monitor.answers), list(monitor.episodes)

    def _aassl(self, *words: str, capture: bool = False) -> str:
        print(f"$ aassl {shlex.join(words)}", flush=True)
        command = [sys.executable, "-m", "aassl_ros.cli.main", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE if capture else None, text=True, check=False)
        if done.returncode not in (0, 3):
            raise AasslError(f"aassl {words[0]} exited with status {done.returncode}. Its error is shown above.")
        return done.stdout if capture else ""


def _wait_until_ready(
    processes: NodeProcesses, values: Callable[[str], Mapping[str, str]], names: Collection[str]
) -> None:
    """Wait until these nodes report. Raises AasslError if a node fails, or if one does not report in time."""

    def silent() -> list[str]:
        return sorted(name for name in names if not values(name))

    processes.wait_for(
        lambda: not silent(),
        _READY_S,
        lambda: f"{', '.join(silent())} did not report within {_READY_S:g} s. Its log is in the folder logs.",
    )


def _note(values: Callable[[str], Mapping[str, str]]) -> str:
    recorder, trainer, evaluator = values("recorder"), values("trainer"), values("evaluator")
    words = []
    if "frames_written" in recorder:
        words.append(f"{recorder['frames_written']} frames, {recorder.get('frames_dropped', '0')} dropped")
    if "step" in trainer:
        words.append(f"update {trainer['step']}")
    if "latency_ms" in evaluator:
        words.append(f"answers in {float(evaluator['latency_ms']):.0f} ms")
    return "; ".join(words)
