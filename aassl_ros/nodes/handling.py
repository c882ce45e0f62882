"""Go through the objects to handle: request each one, and publish the start and stop of its episode."""

from __future__ import annotations

from enum import Enum

from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.episodes import EpisodeEvent
from aassl_ros.data.streams.schedule import Schedule, ScheduledObject
from aassl_ros.nodes.explorer_settings import ExplorerSettings, objects_to_handle
from aassl_ros.nodes.object_requests import ObjectRequests
from aassl_ros.ros.qos import LATCHED


class Next(Enum):
    """What to do after a step."""

    GO_ON = "continue"
    PUT_INTO_HAND = "a person has to put the object into the gripper"
    DONE = "every object was handled"


class Handling:
    """The episodes of the explorer, one object after the other. Without objects and simulator there are no episodes."""

    def __init__(self, node: Node, settings: ExplorerSettings) -> None:
        self._settings = settings
        self._schedule = Schedule(objects_to_handle(settings), round(settings.episode_seconds * 1e9))
        self._free = not settings.objects and not settings.simulator
        self._episodes = node.create_publisher(String, topics.EPISODE, LATCHED)
        self._requests = ObjectRequests(node, settings.simulator_timeout_s) if settings.simulator else None

    @property
    def taken(self) -> ScheduledObject | None:
        """Object that is handled now."""
        return self._schedule.current

    @property
    def facts(self) -> dict[str, int | str]:
        """Values for diagnostics: the present object, and counts of handled and discarded ones and invalid answers."""
        instance = "" if self.taken is None else self.taken.instance
        refused = 0 if self._requests is None else self._requests.refused
        counts = {"handled": self._schedule.handled, "discarded": self._schedule.discarded}
        return {"object": instance, **counts, "object_states_refused": refused}

    def lacking(self) -> str:
        """Return what to wait for before the first episode; empty if nothing."""
        listeners = self._episodes.get_subscription_count()
        if listeners < self._settings.listeners:
            return f"{self._settings.listeners} listeners on {self._episodes.topic_name} (now {listeners})"
        return ""

    def end_if_due(self, now_ns: int) -> None:
        """End the running episode once its time is over."""
        self._publish(self._schedule.stop_if_due(now_ns))

    def walk(self, now_ns: int) -> Next:
        """Take the next object if there is none, and start its episode once it is in the gripper."""
        if self._schedule.running or self._free:
            return Next.GO_ON
        if self._schedule.current is None and (step := self._take()) is not Next.GO_ON:
            return step
        if self._requests is None:
            self._publish(self._schedule.start(now_ns))
        elif (stamp_ns := self._requests.shown_at()) is not None:
            self._publish(self._schedule.start(stamp_ns))
        return Next.GO_ON

    def _take(self) -> Next:
        taken = self._schedule.take()
        if taken is None:
            return Next.DONE
        if self._requests is not None:
            self._requests.ask(taken.instance, taken.category)
        elif self._settings.confirm:
            return Next.PUT_INTO_HAND
        return Next.GO_ON

    def check(self) -> None:
        """Raise RosError if the simulator has not shown an object in time."""
        if self._requests is not None:
            self._requests.check()

    def stop(self, now_ns: int) -> None:
        """End the running episode now. It remains valid."""
        self._publish(self._schedule.stop_early(now_ns))
        if self._requests is not None:
            self._requests.forget()

    def give_up(self, now_ns: int) -> None:
        """Discard the running episode. Its object is handled again later."""
        self._publish(self._schedule.interrupt(now_ns))
        if self._requests is not None:
            self._requests.forget()

    def farewell(self, timeout_s: float) -> None:
        """Wait until the last event has been received. timeout_s: at most."""
        self._episodes.wait_for_all_acked(Duration(nanoseconds=round(timeout_s * 1e9)))

    def _publish(self, event: EpisodeEvent | None) -> None:
        if event is not None:
            self._episodes.publish(String(data=event.to_json()))
