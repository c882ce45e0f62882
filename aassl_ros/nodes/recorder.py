"""The recorder node: writes camera, joints, commands, episodes and other topics to a bag, with a sample of each frame.

Counting, writing and matching are in data/bags/recording.py. The node finds the topics and passes the messages on.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Collection
from dataclasses import asdict, replace

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]
from rclpy.timer import Timer
from rclpy.utilities import get_rmw_implementation_identifier
from std_srvs.srv import Trigger

from aassl_ros.data.bags.closing_recordings import ClosingRecordings
from aassl_ros.data.bags.pre_record import WAITING, PreRecordRing
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.unfinished import recording_ended, recovery_advice, unfinished_bags
from aassl_ros.data.streams.clock_jump import StreamClock
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import AasslError
from aassl_ros.nodes.recorder_inputs import drain, missing_input, note_numbering
from aassl_ros.nodes.recorder_parts import EPISODE_STARTED, RecorderParts
from aassl_ros.nodes.recorder_settings import ADJUSTABLE, RecorderSettings, make_session
from aassl_ros.nodes.recorder_status import new_problems, recording_report, waiting_report
from aassl_ros.ros import diagnostics
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.parameters import read_settings
from aassl_ros.ros.split_backlog import SplitBacklog, add_topic
from aassl_ros.ros.topic_subscriber import FoundTopic, TopicSubscriber

# Period of looking for new publishers. Querying the graph for ten topics takes about a millisecond.
_LOOK_S = 0.1
# Period of checking the QoS of known publishers again.
_REVIEW_S = 1.0
# A clock that is set back again within this time jumps back and forth: two simulators, which cannot be separated.
_CLOCK_SETTLED_S = 5.0


class RecorderNode(ManagedNode):
    """Recorder that opens a bag on activate, and closes it on deactivate after the last joint states have arrived."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self._settings = self.declare(RecorderSettings, at_once=ADJUSTABLE, apply=self._apply)
        self._session: Session | None = None
        self._recording: Recording | None = None
        self._subscribers: dict[str, TopicSubscriber] = {}
        self._closing = self._no_closing()
        self._backlog = SplitBacklog()
        self._times = StreamClock()
        self._set_back = -_CLOCK_SETTLED_S
        self._watchers: list[Timer] = []
        self._said: set[str] = set()
        self._parts = RecorderParts()
        self._ring: PreRecordRing | None = None
        self._activated = self._reviewed = 0.0
        self._diagnostics = diagnostics.DiagnosticsPublisher(self, self.report)
        self.create_service(Trigger, "recorder/split", self._on_split)
        self.create_service(Trigger, "recorder/trigger", self._on_trigger)

    def configure(self) -> None:
        """Read the parameters and make the session. Raises ConfigError."""
        self._settings = read_settings(self, RecorderSettings)
        self._session = make_session(
            self._settings, self.get_namespace(), self.resolve_topic_name, get_rmw_implementation_identifier()
        )

    def _apply(self, settings: RecorderSettings) -> None:
        """Apply a new queue_mb at once."""
        assert self._session is not None
        self._settings, self._session = settings, replace(self._session, settings=asdict(settings))
        if self._recording is not None:
            self._recording.set_queue_mb(settings.queue_mb)

    def activate(self) -> None:
        """Open a new bag and start to receive. Raises BagError if the bag cannot be made."""
        assert self._session is not None
        self._said.clear()
        self._backlog = SplitBacklog(self._motion_topics())
        self._closing = self._no_closing(self._motion_topics())
        self._parts.begin(self._settings, self._session)
        self._ring = PreRecordRing(self._settings, self._session.roles.episode) if self._settings.pre_record_s else None
        self._recording = None if self._ring is not None else self._open()
        self._activated = time.monotonic()
        topics = self._settings.topics(self._session).items()
        self._subscribers = {made.name: made for made in itertools.starmap(self._subscriber, topics)}
        self._watchers = [
            self.create_timer(_LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)),
            self.create_timer(_REVIEW_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME)),
        ]
        self.get_logger().info(f"{WAITING}." if self._recording is None else f"Recording into {self._recording.path}.")
        for bag in unfinished_bags(self._settings.bag_path(0).parent, self._parts.made):
            self.get_logger().warning(recovery_advice(bag))

    def deactivate(self) -> None:
        """Receive waiting messages and the joint states after the last frame, then close the bag. Raises BagError."""
        for timer in self._watchers:
            self.destroy_timer(timer)
        recording, self._watchers = self._recording, []
        if recording is not None:
            drain(recording, self._subscribers, self._motion_topics(), self._settings.sample_timeout)
        # No message comes any more, because the executor waits for this function.
        self._ring = self._recording = None
        self._parts.end()
        self._closing.close_all()
        if recording is not None:
            self._closed(recording, recording.close().told())

    def unsubscribe(self) -> None:
        """Give the subscriptions back, after the bag is closed."""
        for subscriber in self._subscribers.values():
            subscriber.stop()
        self._subscribers = {}

    def report(self) -> diagnostics.Report:
        """Return the status for diagnostics: the counts, and the most severe problem."""
        silent = self._silent() if self._subscribers else ""
        recording = self._recording
        return waiting_report(self._ring, silent) if recording is None else recording_report(recording, silent)

    def _subscriber(self, name: str, received_as: str) -> TopicSubscriber:
        assert self._session is not None
        is_image = name in self._session.roles.cameras.values()
        return TopicSubscriber(
            self,
            name,
            self._settings.image_depth if is_image else self._settings.depth,
            found=self._on_found,
            received=self._on_message,
            lost=self._on_lost,
            report=self._warn,
            received_as=received_as,
        )

    def _open(self) -> Recording:
        """Open the next bag. Raises BagError."""
        assert self._session is not None
        recording = self._parts.open(self._settings, self._session)
        in_sim_time = self.get_parameter("use_sim_time").value
        self._times = StreamClock(() if in_sim_time else self._session.roles.cameras.values())
        return recording

    def _on_found(self, topic: FoundTopic) -> None:
        self._backlog.follow(topic)
        add_topic(self._closing, topic)
        if (sink := self._recording or self._ring) is not None:
            add_topic(sink, topic)

    def _on_message(self, topic: str, publish_ns: int, data: bytes) -> None:
        log_ns = self.get_clock().now().nanoseconds
        if self._times.jumped_back(topic, log_ns, data):
            self._begin_anew(log_ns)
        elif self._ring is not None and self._ring.is_trigger(topic, log_ns, data):
            self._start_recording(EPISODE_STARTED)
        if self._recording is not None and (reason := self._parts.split_reason(topic, log_ns, data)):
            self._split_because(reason)
        if (sink := self._recording or self._ring) is None:
            return
        sink.receive(topic, log_ns, publish_ns, data)
        self._backlog.take(topic, log_ns, publish_ns, data)
        self._closing.receive(topic, log_ns, publish_ns, data)

    def _begin_anew(self, log_ns: int) -> None:
        """Continue in a new bag, because readers of one bag would mix messages with the same times."""
        assert self._session is not None
        settled = time.monotonic() > self._set_back + _CLOCK_SETTLED_S
        self._set_back = time.monotonic()
        if not settled:
            self._warn("The clock jumps back and forth. Stop the second simulator or bag player in this ROS domain.")
            return
        self._backlog.forget([*self._motion_topics(), self._session.roles.episode])
        if self._ring is not None:
            self._ring.forget()
            return
        try:
            old, new = self._split(log_ns)
        except AasslError as error:
            self._warn(f"The clock was set back, and no new bag could be opened: {error}")
            return
        # No later joint state belongs to an old bag.
        self._closing.close_all()
        self.get_logger().warning(f"The clock was set back: {old.path} is closed. Recording continues in {new.path}.")

    def _on_lost(self, topic: str, count: int, cause: str) -> None:
        if self._recording is not None:
            self._recording.lose(topic, count, cause, self.get_clock().now().nanoseconds)

    def _motion_topics(self) -> tuple[str, ...]:
        assert self._session is not None
        return (self._session.roles.joint_states, *self._session.roles.commands.values())

    def _look(self) -> None:
        """Subscribe to new topics. After a split, close the old bag as soon as its last frames have their samples."""
        if due := time.monotonic() >= self._reviewed + _REVIEW_S:
            self._reviewed = time.monotonic()
        for subscriber in self._subscribers.values():
            if due or subscriber.profile is None:
                try:
                    subscriber.look()
                except AasslError as error:
                    self._warn(f"{subscriber.name} is not recorded: {error}")
        self._closing.close_settled()

    def _watch(self) -> None:
        if self._recording is None:
            return
        if (error := self._recording.error) is not None and str(error) not in self._said:
            self._said.add(str(error))
            self.get_logger().error(recording_ended(self._recording.path, error))
        if low := self._recording.space.low:
            self._warn(low)
        if silent := self._silent():
            self._warn(silent)
        note_numbering(self._recording, self._subscribers)
        for text in new_problems(self._recording, self._subscribers[self._motion_topics()[0]], self._said):
            self.get_logger().warning(text)

    def _silent(self) -> str:
        """Return a warning if a camera or the joint states are missing; empty if all arrive."""
        assert self._session is not None
        needed = (*self._session.roles.cameras.values(), self._session.roles.joint_states)
        return missing_input(self, self._subscribers, needed, self._activated)

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.get_logger().warning(text)
            if self._recording is not None:
                self._recording.warn(text)

    def _closed(self, recording: Recording, summary: str) -> None:
        print(f"{recording.path}: {summary}", flush=True)

    def _no_closing(self, motion: Collection[str] = ()) -> ClosingRecordings:
        return ClosingRecordings(motion, closed=self._closed, failed=self._warn)

    def _on_split(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._recording is None:
            response.success, response.message = False, "The recorder is not active."
            return response
        try:
            response.success, response.message = True, str(self._split()[1].path)
        except AasslError as error:
            response.success, response.message = False, str(error)
        return response

    def _on_trigger(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._ring is not None:
            self._start_recording("recorder/trigger was called")
        response.success = self._recording is not None
        response.message = str(self._recording.path) if self._recording is not None else "No bag is open."
        return response

    def _start_recording(self, reason: str) -> None:
        """Open a bag and write the messages in memory to it. If that fails, continue to wait."""
        assert self._ring is not None
        try:
            recording = self._open()
        except AasslError as error:
            self.get_logger().error(f"Recording does not start: {error}")
            return
        self._ring.write_to(recording)
        self.get_logger().info(
            f"Recording into {recording.path}, because {reason}. It begins {self._ring.seconds:.1f} s before."
        )
        self._recording, self._ring = recording, None

    def _split_because(self, reason: str) -> None:
        try:
            old, new = self._split()
        except AasslError as error:
            self._warn(f"No new bag can be opened: {error}")
            return
        self.get_logger().info(f"{old.path} ends, because {reason}. Recording continues in {new.path}.")

    def _split(self, log_ns: int | None = None) -> tuple[Recording, Recording]:
        """Continue in a new bag; return the old recording, which is closed later, and the new one. Raises BagError.

        log_ns: time of receipt to write with the messages written again; None: their own.
        """
        assert self._recording is not None
        assert self._session is not None
        new = self._open()
        old, self._recording = self._recording, new
        self._closing.add(old, self._settings.sample_timeout)
        self._backlog.keep(self._session.roles.episode, self._parts.rule.is_current)
        self._backlog.write_to(new, log_ns)
        for subscriber in self._subscribers.values():
            if subscriber.topic is not None:
                add_topic(new, subscriber.topic)
        return old, new


if __name__ == "__main__":
    sys.exit(run(RecorderNode))
