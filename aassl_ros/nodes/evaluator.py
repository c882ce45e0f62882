"""The evaluator node: recognizes the category of the object in front of the camera.

The recognition is in learning/recognition/recognizer.py.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from aassl_ros.data.gallery.lessons import UNKNOWN, describe_answer
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.learning.compute.device import choose_device
from aassl_ros.learning.encoders.pretrained import NO_CHECKPOINT
from aassl_ros.learning.recognition.gallery import open_gallery
from aassl_ros.learning.recognition.gallery_source import GallerySource
from aassl_ros.learning.recognition.recognizer import ADJUSTABLE
from aassl_ros.learning.recognition.reloading import RecognizerLoader
from aassl_ros.learning.recognition.seen_frames import open_seen
from aassl_ros.learning.recognition.smoothing import Smoothing
from aassl_ros.nodes.evaluator_answers import answer_json, classification_publisher, to_classification
from aassl_ros.nodes.evaluator_gallery import GalleryDesk, open_store
from aassl_ros.nodes.evaluator_settings import EvaluatorSettings
from aassl_ros.nodes.evaluator_weights import WeightsReceiver
from aassl_ros.ros import conversions
from aassl_ros.ros.annotate import annotate
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.camera import CameraFeed
from aassl_ros.ros.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.number_topics import NumberTopics
from aassl_ros.ros.parameters import read_settings
from aassl_ros.ros.qos import LATCHED, LATEST

NUMBERS = (topics.CONFIDENCE, topics.IS_UNKNOWN, topics.LATENCY, topics.ANSWER_RATE)
"""Topics of numbers of the answers."""


class EvaluatorNode(ManagedNode):
    """Answer the newest frame; frames that arrive while the node is busy are skipped.

    feed: the camera; None while the node is inactive. loader: holds the present recognizer and loads new ones; None
    until the node is configured.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("evaluator", **kwargs)
        self._settings = self.declare(EvaluatorSettings, at_once=ADJUSTABLE, apply=self._apply)
        self.feed: CameraFeed | None = None
        self.loader: RecognizerLoader | None = None
        self._desk: GalleryDesk | None = None
        self._held = ExitStack()  # the lock of the folder of taught objects
        self._weights: WeightsReceiver | None = None
        self._smoothing = Smoothing()
        self._latencies_ms: list[float] = []
        self._answered = self._unanswered = self._skips_told = 0
        self._reported_at, self._reported_answers = time.monotonic(), 0
        self._said: object = None
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        self._watch_timer = self.create_timer(0.5, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def configure(self) -> None:
        self._settings = settings = read_settings(self, EvaluatorSettings)
        torch.set_num_threads(settings.torch_threads)
        sets, per_instance = settings.gallery_sets, settings.gallery_per_instance
        base = open_gallery(settings.gallery, sets=sets, per_instance=per_instance) if settings.gallery else None
        seen = open_seen(settings.seen, settings.seen_sets) if settings.seen else None
        source = GallerySource(base, open_store(settings.taught, self._held), seen)
        loader = RecognizerLoader(source, settings, choose_device(settings.device))
        if settings.checkpoint not in NO_CHECKPOINT:
            try:
                loader.load(settings.checkpoint)
            except BaseException:
                loader.close()
                raise
        self.loader = loader
        self._desk = None if source.taught is None else GalleryDesk(self, source.taught, loader, source.labelled)
        self._answers = Node.create_publisher(self, String, topics.ANSWER, 10)
        self._pictures = Node.create_publisher(self, Image, topics.ANNOTATED, 1)
        self._numbers = NumberTopics(self, NUMBERS)
        self._classifications = classification_publisher(self)
        if self._classifications is None:
            self.get_logger().warning(
                f"vision_msgs is not installed: {topics.ANSWER} is published, but {topics.CLASSIFICATION} is not. "
                "Run make setup, or install ros-DISTRO-vision-msgs."
            )

    def _apply(self, settings: EvaluatorSettings) -> None:
        """Use the settings in ADJUSTABLE from the next answer on."""
        self._settings = settings

    def activate(self) -> None:
        settings = self._settings
        if self.loader is not None:
            self._weights = WeightsReceiver(self, self.loader, settings.weights_folder)
        self._announcements = JsonSubscription(
            self, topics.CHECKPOINT, CheckpointNews.parse, self._on_checkpoint, LATEST
        )
        self._episodes = JsonSubscription(
            self, topics.EPISODE, EpisodeEvent.parse, lambda event: self._smoothing.forget(), LATCHED
        )
        self.feed = CameraFeed(self, settings.camera, compressed=settings.compressed, depth=1, on_frame=self._on_frame)
        self._skips_told = self._skipped

    def unsubscribe(self) -> None:
        """Stop receiving."""
        if self.feed is not None:
            self.feed.stop()
            self._announcements.stop()
            self._episodes.stop()
            self.feed = None
        if self._weights is not None:
            self._weights.stop()
            self._weights = None

    def let_go(self) -> None:
        """Give the lock of the taught objects back."""
        self._held.close()

    def cleanup(self) -> None:
        if self._desk is not None:
            self._desk.stop()
            self._desk = None
        self.let_go()
        if self.loader is not None:
            self.loader.close()
            self.loader = None
        for publisher in (self._answers, self._pictures, self._classifications):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self._numbers.stop()

    @property
    def _skipped(self) -> int:
        """Frames without an answer so far: passed over for newer ones, unreadable, or before the first encoder."""
        return self._unanswered + (0 if self.feed is None else self.feed.lost + self.feed.unreadable)

    def _on_frame(self, header: Header, frame: NDArray[np.uint8]) -> None:
        begun = time.perf_counter()
        recognizer = self.loader.current if self.loader is not None else None
        if recognizer is None:
            self._unanswered += 1
            return
        feature = recognizer.feature(frame)
        if self._desk is not None:
            self._desk.see(frame, feature, recognizer.digest)
        stamp_s = messages.stamp_ns(header.stamp) * 1e-9
        answer = recognizer.judge(feature, self._settings, smoothing=self._smoothing, stamp_s=stamp_s)
        if self._classifications is not None:
            self._classifications.publish(to_classification(answer, header))
        latency_ms = (time.perf_counter() - begun) * 1e3
        try:
            text = answer_json(answer, header, latency_ms, self._skipped - self._skips_told)
        except JsonMessageError as error:
            self._unanswered += 1
            self.get_logger().error(f"an answer cannot be published: {error}", throttle_duration_sec=10.0)
            return
        self._answers.publish(String(data=text))
        self._skips_told = self._skipped
        confidence = answer.scores[0][1] if answer.scores else 0.0
        if self._pictures.get_subscription_count() > 0:
            note = "" if self._desk is None else self._desk.note
            picture = annotate(frame, describe_answer(answer.label, answer.scores), note)
            self._pictures.publish(conversions.image_message(picture, header))
        unknown = float(answer.label == UNKNOWN)
        self._numbers.publish({topics.CONFIDENCE: confidence, topics.IS_UNKNOWN: unknown, topics.LATENCY: latency_ms})
        self._latencies_ms.append(latency_ms)
        self._answered += 1

    def _on_checkpoint(self, announced: CheckpointNews) -> None:
        if self.loader is None or (self.loader.current is not None and self.loader.current.digest == announced.digest):
            return
        if self._weights is None or not self._weights.brings(announced):
            self.loader.request(Path(announced.path), announced.digest)

    def _watch(self) -> None:
        """Log what the loader's thread has done since the last call, and whether frames arrive."""
        if self.feed is not None:
            self.feed.log_problem()
        if self._desk is not None:
            self._desk.tick()
        if self.loader is None:
            return
        state = (self.loader.error, self.loader.failures, self.loader.current, self.loader.refused)
        if state == self._said:
            return
        self._said = state
        if self.loader.error is not None:
            kept = self.loader.current
            state_now = "no answers yet" if kept is None else f"still answering with the checkpoint of step {kept.step}"
            self.get_logger().error(f"{self.loader.error} Until then: {state_now}.")
        elif self.loader.refused:
            self.get_logger().warning(f"{self.loader.refused}.")
        elif self.loader.current is None:
            self.get_logger().info(f"no checkpoint yet; waiting for one on {topics.CHECKPOINT}.")
        else:
            self.get_logger().info(f"answering with the checkpoint of step {self.loader.current.step}.")

    def _report(self) -> Report:
        now = time.monotonic()
        latencies, self._latencies_ms = self._latencies_ms, []
        rate_hz = (self._answered - self._reported_answers) / max(1e-3, now - self._reported_at)
        self._reported_at, self._reported_answers = now, self._answered
        values: dict[str, Any] = {"answers": self._answered, "frames_unanswered": self._unanswered, "rate_hz": rate_hz}
        if latencies:
            values |= {"latency_ms": float(np.median(latencies)), "latency_ms_max": max(latencies)}
        if self.feed is not None:
            values |= {"frames_received": self.feed.received, "frames_passed_over": self.feed.lost}
            values |= {"frames_unreadable": self.feed.unreadable, "lag_ms": self.feed.lag_s * 1e3}
            values["announcements_refused"] = self._announcements.refused
        if self._weights is not None:
            values |= self._weights.report()
        if self.loader is None:
            return Report(WARN, "not configured", values)
        self._numbers.publish({topics.ANSWER_RATE: rate_hz})
        if self.loader.current is not None:
            values |= {"checkpoint": self.loader.current.digest, "step": self.loader.current.step}
            if (facts := self.loader.current.facts) is not None:
                values |= {"categories": len(self.loader.current.categories), "classifier": facts.classifier}
                values["accuracy_left_out"] = facts.accuracy
                if facts.reliability is not None:
                    values["calibration_error"] = facts.reliability.ece
        values |= {"failed_loads": self.loader.failures, "encoders_refused": self.loader.worse}
        if self._desk is not None:
            values |= {"teaching": self._desk.teaching, "gallery_commands_refused": self._desk.refused}
        level, line = self._state()
        return Report(level, line, values)

    def _state(self) -> tuple[bytes, str]:
        assert self.loader is not None
        current = self.loader.current
        if self.loader.error is not None:
            return (ERROR if current is None else WARN), self.loader.error
        if current is None:
            late = self._weights.problem() if self._weights is not None else ""
            return WARN, late or f"no checkpoint yet; waiting for one on {topics.CHECKPOINT}"
        if self.feed is None:
            return WARN, "inactive"
        if not current.categories:
            return WARN, "nothing is taught yet, so every answer is __unknown__: aassl teach NAME"
        problem = self.feed.problem() or (self._weights.problem() if self._weights is not None else "")
        return (WARN, problem) if problem else (OK, f"answering with the checkpoint of step {current.step}")


if __name__ == "__main__":
    sys.exit(run(EvaluatorNode))
