"""The trainer node: trains while data arrive.

trainer_input.py receives the streams of each robot; learning/online/online_trainer.py makes the updates.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import TrainingError
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.learning.online.live_buffer import LiveBuffer
from aassl_ros.learning.online.online_trainer import OnlineTrainer
from aassl_ros.learning.online.replay_source import open_replay
from aassl_ros.learning.online.settings import ADJUSTABLE, LEARNING_RATES, starting_checkpoint, unused_checkpoint
from aassl_ros.learning.online.status import OnlineStatus, Saved
from aassl_ros.motion.arms import Arm, load_arm
from aassl_ros.nodes.trainer_input import TrainerInput
from aassl_ros.nodes.trainer_metrics import BUFFER_FILL, MetricTopics
from aassl_ros.nodes.trainer_settings import TrainerSettings
from aassl_ros.nodes.trainer_weights import WeightsSender
from aassl_ros.one_process import alone
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import read_settings
from aassl_ros.ros.qos import LATEST

# Period of the timer: short enough that frames do not wait, long enough to cost nothing.
_TICK_S = 0.1


class TrainerNode(ManagedNode):
    """Trainer that receives the streams of one or more robots, and announces its checkpoints."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("trainer", **kwargs)
        self._settings = self.declare(TrainerSettings, at_once=ADJUSTABLE, apply=self._apply)
        self._start: Checkpoint | None = None
        self._replay: PreparedData | None = None
        self._arm: Arm | None = None
        self._live: LiveBuffer | None = None
        self._inputs: list[TrainerInput] = []
        self._folder = ExitStack()  # holds the lock of run_dir
        self._rates: dict[str, tuple[float, float]] = {}  # learning rates as the user gave them, and as they are used
        self._trainer: OnlineTrainer | None = None
        self._weights: WeightsSender | None = None
        self._announced: Saved | None = None
        self._failure: str | None = None
        self._warned = ""
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        self._ticker = self.create_timer(_TICK_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def configure(self) -> None:
        self._settings = settings = read_settings(self, TrainerSettings)
        self._folder.enter_context(alone(Path(settings.run_dir).expanduser(), "trainer"))
        self._arm = load_arm(settings.arm)
        self._start = starting_checkpoint(settings)
        if unused := unused_checkpoint(settings):
            self.get_logger().warning(unused)
        self._replay = open_replay(settings, settings, self._start, self.get_logger().info)
        self._announcements = Node.create_publisher(self, String, topics.CHECKPOINT, LATEST)
        self._metrics = MetricTopics(self)
        self._own_services = (
            self.create_service(SetBool, "trainer/pause", self._on_pause),
            self.create_service(Trigger, "trainer/save", self._on_save),
        )

    def _apply(self, settings: TrainerSettings) -> None:
        """Apply the settings that may be changed during training. Raises ConfigError if one would have no effect."""
        if self._trainer is not None:
            before = self._settings
            rates = {name: getattr(settings, name) for name in LEARNING_RATES}
            changed = {name: rate for name, rate in rates.items() if rate != getattr(before, name)}
            self._trainer.adjust(settings, **changed)
        self._settings = settings

    def activate(self) -> None:
        settings = self._settings
        trainer = OnlineTrainer(settings, settings, sets=settings.sets, start=self._start, replay=self._replay)
        # After a checkpoint the rates are the checkpoint's. The parameters say so, and a change of them has an effect.
        rates = {name: getattr(trainer.learner_settings, name) for name in LEARNING_RATES}
        self._rates = {name: (getattr(settings, name), rate) for name, rate in rates.items()}
        self.set_parameters([Parameter(name, value=rate) for name, rate in rates.items()])
        self._live = live = LiveBuffer(settings, trainer.frame_size)

        def may_keep() -> bool:  # after a failure the buffer is closed, and another process may have its folder
            return not trainer.failed and trainer.pace.limiter.may_keep()

        self._inputs = [
            TrainerInput(
                self, settings, self._arm, live, trainer.frame_size, may_keep=may_keep, namespace=name.rstrip("/")
            )
            for name in settings.robots or ("",)
        ]
        if settings.publish_weights:
            self._weights = WeightsSender(self, self.get_logger().warning)
        self._trainer = trainer
        if live.restored_line:
            self.get_logger().info(live.restored_line)
        trainer.start(live)
        if self._start is not None:
            self.get_logger().info(f"continuing from {self._start.path} (step {self._start.step}).")
            if self._start.path.is_relative_to(Path(settings.run_dir).expanduser().resolve()):
                # An evaluator that is started before the next save answers with it.
                self._announce(Saved(self._start.path, self._start.digest, self._start.step), "announced again")

    def settle_s(self) -> float:
        return self._settings.episode_delay_s

    def deactivate(self) -> None:
        if self._trainer is None:
            return
        for robot in self._inputs:
            robot.filler.flush()
        self._trainer.stop()
        status = self._trainer.status
        self._announce(status.saved)
        self._announcements.wait_for_all_acked(Duration(seconds=2))
        if self._weights is not None:
            self._weights.stop()
            self._weights = None
        if status.state == "failed" and self._failure is None:
            self.get_logger().error(status.line)
        self._failure = status.line if status.state == "failed" else None
        updates = status.step - (0 if self._start is None else self._start.step)
        kept = sum(robot.filler.counts.kept for robot in self._inputs)
        self.get_logger().info(f"{kept} frames kept, {updates} updates, {status.saves} saves.")
        if status.saved is not None:
            self._start = load_checkpoint(status.saved.path)  # if activated again, it continues from here
        self._trainer, self._live = None, None

    def failure(self) -> str:
        """Return why training failed, or why its last checkpoint could not be saved; empty if neither."""
        return self._failure or ""

    def unsubscribe(self) -> None:
        """Give the subscriptions back, after the checkpoint is saved."""
        for robot in self._inputs:
            robot.stop()
        self._inputs = []

    def let_go(self) -> None:
        """Give the lock of run_dir back."""
        self._folder.close()

    def cleanup(self) -> None:
        self.let_go()
        self._announced = None
        # Those that the user gave, unless they were changed since.
        changed = {name: rate for name, (rate, used) in self._rates.items() if getattr(self._settings, name) == used}
        self.set_parameters([Parameter(name, value=rate) for name, rate in changed.items()])
        self._rates = {}
        self.destroy_publisher(self._announcements)
        self._metrics.stop()
        for service in self._own_services:
            self.destroy_service(service)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise TrainingError(failure)

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._trainer is not None
        response.message = "not active"
        if self._trainer is not None:
            self._trainer.pause(request.data)
            response.message = "paused" if request.data else "continuing"
        return response

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._trainer is not None and self._trainer.request_save()
        saving = f"saving; the checkpoint will be announced on {topics.CHECKPOINT}"
        response.message = saving if response.success else "nothing to save yet"
        return response

    def _tick(self) -> None:
        if self._trainer is None:
            return
        for robot in self._inputs:
            robot.tick()
        status = self._trainer.status
        frames, episodes = self._held()
        for robot in self._inputs[:1]:
            robot.say(robot.heard.report(status, frames, episodes, time.monotonic()))
        self._announce(status.saved)
        self._warn(status.warning)
        self._metrics.publish(status.step, self._numbers(status))
        if status.state == "failed" and self._failure is None:
            self._failure = status.line
            self.get_logger().error(status.line)

    def _warn(self, warning: str) -> None:
        """Log a warning when it begins: not all users read diagnostics. Numbers in it may change."""
        if warning[:20] != self._warned:
            self._warned = warning[:20]
            if warning:
                self.get_logger().warning(warning)

    def _announce(self, saved: Saved | None, what: str = "saved") -> None:
        """Announce the newest checkpoint, once. what: is said in the log."""
        if saved is not None and saved != self._announced:
            self._announced = saved
            news = CheckpointNews(str(saved.path), saved.digest, saved.step)
            self._announcements.publish(String(data=news.to_json()))
            self.get_logger().info(f"{what} step {saved.step}: {saved.path}")
            if self._weights is not None:
                self._weights.send(saved)

    def _held(self) -> tuple[int, int]:
        """Return the numbers of frames and of episodes in the buffer."""
        buffer = None if self._live is None else self._live.buffer
        return (0, 0) if buffer is None else (len(buffer), buffer.episode_count)

    def _numbers(self, status: OnlineStatus) -> dict[str, float]:
        buffer = None if self._live is None else self._live.buffer
        return {**status.metrics(), **({} if buffer is None else {BUFFER_FILL: len(buffer) / buffer.capacity})}

    def _report(self) -> Report:
        if self._trainer is None:
            return Report(WARN, "inactive")
        status = self._trainer.status
        values: dict[str, Any] = {"state": status.state, "step": status.step, **self._numbers(status)}
        if status.depth is not None:
            values["layers_trained"] = f"{status.depth.layers - status.depth.frozen} of {status.depth.layers}"
        if status.action:
            values["action_space"] = status.action
        values["saves"] = status.saves
        if status.probe is not None:
            values |= {"probe_step": status.probe.step, "probe_objects": status.probe.objects}
            values["probe_categories"] = status.probe.categories
        if self._live is not None and (buffer := self._live.buffer) is not None:
            values |= {"buffer_frames": len(buffer), "buffer_capacity": buffer.capacity}
            values["buffer_episodes"] = buffer.episode_count
        received, problem = _of_all(self._inputs)
        values |= received
        problem = problem or status.warning
        if status.state == "failed":
            return Report(ERROR, status.line, values)
        return Report(WARN, problem, values) if problem else Report(OK, status.line, values)


def _of_all(robots: Sequence[TrainerInput]) -> tuple[dict[str, Any], str]:
    """The counts of all robots together and, if there are several, of each; and the first problem, or ""."""
    values: dict[str, Any] = {}
    problems = []
    for robot in robots:
        own, problem = robot.report()
        problems.append(problem)
        for name, value in own.items():
            values[name] = max(values.get(name, 0.0), value) if name == "lag_ms" else values.get(name, 0) + value
        if len(robots) > 1:
            values |= {f"{robot.name}/{name}": value for name, value in own.items()}
    return values, next(filter(None, problems), "")


if __name__ == "__main__":
    sys.exit(run(TrainerNode))
