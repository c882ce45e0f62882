"""Run the stages of the demo: up collect, prepare, train, up online, evaluate, report. Each is also a user command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from aassl_ros.bringup.processes import NodeProcesses
from aassl_ros.bringup.systems import node_specs
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.demo.folder import REPORT_STAGE, DemoFolder, StageRecord, write_json
from aassl_ros.demo.live import score_answers
from aassl_ros.demo.plan import DemoPlan, DemoSettings
from aassl_ros.errors import AasslError, DataError
from aassl_ros.paths import share
from aassl_ros.progress import progress


class Demo:
    """Run the stages in order, and skip those that an interrupted run has finished."""

    def __init__(self, folder: DemoFolder, settings: DemoSettings, plan: DemoPlan) -> None:
        self._folder = folder
        self._settings = settings
        self._plan = plan
        self._stages: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("collect", f"an arm handles {len(plan.offline)} objects and is recorded", self._collect),
            ("prepare", "make training data from the bags", self._prepare),
            ("train", "train an encoder on them with AA-SSL", self._train),
            (
                "online",
                "continue training in the trainer node while the evaluator recognizes unseen objects",
                self._online,
            ),
            ("evaluate", "measure both encoders on unseen objects", self._evaluate),
            (REPORT_STAGE, "write report.html and metrics.json", self._report),
        )

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
        run = self._folder.offline_run
        resume = ("--resume",) if (run / "checkpoint").exists() else ()
        limit = f"max_seconds={self._settings.train_seconds:g}"
        arguments = (
            "-o",
            str(run),
            "--seed",
            str(self._settings.seed),
            "--config",
            str(share("config/demo/train.yaml")),
        )
        self._aassl("train", str(self._folder.data), *arguments, "--set", limit, *resume)

    def _online(self) -> None:
        shutil.rmtree(self._folder.online_bag, ignore_errors=True)
        shutil.rmtree(self._folder.online_run, ignore_errors=True)
        arguments = {
            "bag": str(self._folder.online_bag),
            "run_dir": str(self._folder.online_run),
            "checkpoint": str(self._folder.offline_run / "checkpoint"),
            "replay_data": str(self._folder.data),
            "gallery": str(self._folder.data),
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
        for phase, run in (("offline", self._folder.offline_run), ("online", self._folder.online_run)):
            words = ("evaluate", str(run / "checkpoint"), str(self._folder.data), "--json")
            self._folder.evaluation(phase).write_text(self._aassl(*words, capture=True), encoding="utf-8")

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
        with Monitor() as monitor, NodeProcesses(specs, log_dir=self._folder.logs / system) as processes:
            with progress("objects handled", len(objects)) as bar:
                while processes.exit_status("explorer") is None:
                    processes.check()
                    ended = sum(event.event == "stop" for event in monitor.episodes)
                    bar.update(ended, note=_note(monitor.values))
                    time.sleep(0.2)
            time.sleep(0.5)  # the last answers are still on their way, and no message marks the end
            processes.stop()
            processes.check()
            return list(monitor.answers), list(monitor.episodes)

    def _aassl(self, *words: str, capture: bool = False) -> str:
        print(f"$ aassl {shlex.join(words)}", flush=True)
        command = [sys.executable, "-m", "aassl_ros.cli.main", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE if capture else None, text=True, check=False)
        if done.returncode not in (0, 3):
            raise AasslError(f"aassl {words[0]} exited with status {done.returncode}. Its error is shown above.")
        return done.stdout if capture else ""


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
