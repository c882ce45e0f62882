"""The recorder node: camera, joints, commands, episodes and further topics into a bag, with a sample for each frame.

Counting, writing and matching are in data.recording.Recording; this shell finds the topics and hands messages on.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass, field

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.qos import DurabilityPolicy
from rclpy.timer import Timer
from rclpy.utilities import get_rmw_implementation_identifier
from std_srvs.srv import Trigger

from aassl_ros.data import topics
from aassl_ros.data.ledger import Ledger
from aassl_ros.data.recording import Recording
from aassl_ros.data.session import Session
from aassl_ros.errors import AasslError
from aassl_ros.nodes import diagnostics, qos
from aassl_ros.nodes.base import ManagedNode, run
from aassl_ros.nodes.intake import FoundTopic, TopicIntake
from aassl_ros.nodes.parameters import declare_settings, read_settings
from aassl_ros.nodes.recorder_settings import RecorderSettings, make_session

# A new publisher is joined within this time; asking the graph for ten topics takes about a millisecond.
_LOOK_S = 0.1
# A known publisher's QoS is compared again only so often.
_REVIEW_S = 1.0
_SILENCE_S = 5.0
_DRAIN_POLL_S = 0.01


@dataclass
class _Kept:
    """What a bag begun by a split needs from before: latched messages, and the last joint state and commands."""

    topic: FoundTopic
    messages: deque[tuple[int, int, bytes]] = field(default_factory=deque)


class RecorderNode(ManagedNode):
    """Records while active. The bag opens on activate and closes on deactivate, after trailing joint states."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self._settings = declare_settings(self, RecorderSettings)
        self._session: Session | None = None
        self._recording: Recording | None = None
        self._closing: list[tuple[Recording, float]] = []
        self._intakes: dict[str, TopicIntake] = {}
        self._kept: dict[str, _Kept] = {}
        self._watchers: list[Timer] = []
        self._said: set[str] = set()
        self._part = 0
        self._activated = self._reviewed = 0.0
        self._diagnostics = diagnostics.DiagnosticsPublisher(self, self.report)
        self.create_service(Trigger, "recorder/split", self._on_split)

    def configure(self) -> None:
        """Read parameters and put together the session's facts. Raises ConfigError."""
        self._settings = read_settings(self, RecorderSettings)
        self._session = make_session(
            self._settings, self.get_namespace(), self.resolve_topic_name, get_rmw_implementation_identifier()
        )

    def activate(self) -> None:
        """Open a new bag and begin to listen. Raises BagError if it cannot be made."""
        self._said.clear()
        self._kept.clear()
        self._recording = self._open(0)
        self._activated = time.monotonic()
        self._intakes = {intake.name: intake for intake in map(self._intake, self._wanted())}
        self._watchers = [
            self.create_timer(_LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)),
            self.create_timer(_REVIEW_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME)),
        ]
        self.get_logger().info(f"Recording into {self._recording.path}.")

    def deactivate(self) -> None:
        """Receive what is on its way, wait for the joint states after the last frame, close. Raises BagError."""
        for timer in self._watchers:
            self.destroy_timer(timer)
        recording, self._watchers = self._recording, []
        if recording is None:
            return
        self._drain(recording)
        for intake in self._intakes.values():
            intake.stop()
        self._intakes, self._recording = {}, None
        for old, _ in self._closing:
            self._close(old)
        self._closing.clear()
        self._close(recording)

    def report(self) -> diagnostics.Report:
        """Counts, and the worst that is to be said."""
        recording = self._recording
        if recording is None:
            return diagnostics.Report(diagnostics.OK, "not recording")
        ledger = recording.ledger
        level, message = diagnostics.OK, f"{ledger.frames_written} frames written"
        if recording.error is not None:
            level, message = diagnostics.ERROR, str(recording.error)
        elif silent := self._silent():
            level, message = diagnostics.ERROR, silent
        elif ledger.lossy:
            level, message = diagnostics.WARN, ledger.summary()
        return diagnostics.Report(level, message, _values(recording, ledger))

    def _wanted(self) -> list[str]:
        session, settings = self._session, self._settings
        assert session is not None
        roles = session.roles
        return [
            *roles.cameras.values(),
            *(topics.camera_info_topic(camera) for camera in settings.cameras),
            roles.joint_states,
            *roles.commands.values(),
            roles.episode,
            roles.object_pose,
            roles.joint_truth,
            topics.SIMULATOR_OBJECT_STATE,
            topics.ROBOT_DESCRIPTION,
            topics.TF_STATIC,
            *settings.extra_topics,
        ]

    def _intake(self, name: str) -> TopicIntake:
        assert self._session is not None
        is_image = name in self._session.roles.cameras.values()
        return TopicIntake(
            self,
            name,
            self._settings.image_depth if is_image else self._settings.depth,
            found=self._on_found,
            received=self._on_message,
            lost=self._on_lost,
            report=self._warn,
        )

    def _open(self, part: int) -> Recording:
        assert self._session is not None
        self._part = part
        return Recording(
            self._settings.bag_path(part),
            self._session,
            storage=self._settings.storage,
            sync=self._settings,
            queue_mb=self._settings.queue_mb,
        )

    def _on_found(self, topic: FoundTopic) -> None:
        assert self._recording is not None
        latched = topic.profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        if latched or self._is_motion(topic.name):
            # Of joint states and commands the last one; of latched topics all that a late listener would be given.
            kept = self._kept.setdefault(topic.name, _Kept(topic))
            kept.messages = deque(kept.messages, maxlen=qos.LATCHED.depth if latched else 1)
        self._add_topic(self._recording, topic)

    def _add_topic(self, recording: Recording, topic: FoundTopic) -> None:
        offered = qos.offered(topic.publishers)
        recording.add_topic(topic.name, topic.type, qos=offered, type_hash=topic.type_hash)

    def _on_message(self, topic: str, publish_ns: int, data: bytes) -> None:
        recording = self._recording
        if recording is None:
            return
        log_ns = self.get_clock().now().nanoseconds
        recording.receive(topic, log_ns, publish_ns, data)
        if topic in self._kept:
            self._kept[topic].messages.append((log_ns, publish_ns, data))
            if self._closing and self._is_motion(topic):
                for old, _ in self._closing:
                    old.receive(topic, log_ns, publish_ns, data)

    def _on_lost(self, topic: str, count: int) -> None:
        if self._recording is not None:
            self._recording.lose(topic, count)

    def _is_motion(self, topic: str) -> bool:
        assert self._session is not None
        return topic == self._session.roles.joint_states or topic in self._session.roles.commands.values()

    def _look(self) -> None:
        """Join topics that have come up; close bags of before a split once their last frames are matched."""
        due = time.monotonic() >= self._reviewed + _REVIEW_S
        if due:
            self._reviewed = time.monotonic()
        for intake in self._intakes.values():
            if due or intake.profile is None:
                try:
                    intake.look()
                except AasslError as error:
                    self._warn(f"{intake.name} is not recorded: {error}")
        for old, until in list(self._closing):
            if old.settled or time.monotonic() > until:
                self._closing.remove((old, until))
                self._close(old)

    def _watch(self) -> None:
        if self._recording is None:
            return
        if self._recording.error is not None and (text := str(self._recording.error)) not in self._said:
            self._said.add(text)
            self.get_logger().error(text)
        if silent := self._silent():
            self._warn(silent)

    def _silent(self) -> str:
        """What to say of a camera or joint stream that is not heard; empty if all are."""
        assert self._session is not None
        for name in (*self._session.roles.cameras.values(), self._session.roles.joint_states):
            if self._intakes[name].silent_s > _SILENCE_S:
                return self._intakes[name].advice(_SILENCE_S)
        if time.monotonic() - self._activated < _SILENCE_S:
            return ""
        if self.get_parameter("use_sim_time").value and self.get_clock().now().nanoseconds == 0:
            return "use_sim_time is true but nobody publishes /clock: start the simulator or set use_sim_time to false."
        return ""

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.get_logger().warning(text)
            if self._recording is not None:
                self._recording.warn(text)

    def _drain(self, recording: Recording) -> None:
        """Take what the middleware holds, then joint states and commands until each frame has its sample."""
        until = time.monotonic() + self._settings.sample_timeout
        for intake in self._intakes.values():
            intake.take_waiting()
        while not recording.settled and time.monotonic() < until:
            time.sleep(_DRAIN_POLL_S)
            for name, intake in self._intakes.items():
                if self._is_motion(name):
                    intake.take_waiting()

    def _close(self, recording: Recording) -> None:
        print(f"{recording.path}: {recording.close().summary()}", flush=True)

    def _on_split(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._recording is None:
            response.success, response.message = False, "The recorder is not active."
            return response
        try:
            new = self._open(self._part + 1)
        except AasslError as error:
            response.success, response.message = False, str(error)
            return response
        old, self._recording = self._recording, new
        self._closing.append((old, time.monotonic() + self._settings.sample_timeout))
        for kept in self._kept.values():
            self._add_topic(new, kept.topic)
            for message in kept.messages:
                new.receive(kept.topic.name, *message)
        for intake in self._intakes.values():
            if intake.topic is not None:
                self._add_topic(new, intake.topic)
        response.success, response.message = True, str(new.path)
        return response


def _values(recording: Recording, ledger: Ledger) -> dict[str, object]:
    return {
        "bag": recording.path,
        "frames_received": ledger.frames_received,
        "frames_written": ledger.frames_written,
        "frames_dropped": ledger.frames_dropped,
        "frames_with_sample": ledger.frames_with_sample,
        "frames_without_sample": sum(ledger.frames_without_sample.values()),
        "bracket_ms_median": "" if ledger.bracket_ms_median is None else ledger.bracket_ms_median,
        "messages_dropped": ledger.messages_dropped,
        "joint_states_dropped": sum(ledger.joint_states_dropped.values()),
        "episodes_started": ledger.episodes_started,
        "episodes_refused": ledger.episodes_refused,
        "commands_refused": ledger.commands_refused,
    }


def main() -> int:
    """Run the recorder as a process."""
    return run(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())
