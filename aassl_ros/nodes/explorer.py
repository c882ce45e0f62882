"""Moves the arm so that the object in its hand is seen from many sides, and marks the episodes.

All thinking about motion is in motion/driver.py and below, about episodes in data/schedule.py.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from builtin_interfaces.msg import Duration as DurationMessage
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data import messages, topics
from aassl_ros.data.episodes import EpisodeEvent
from aassl_ros.data.schedule import Schedule
from aassl_ros.errors import RosError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.nodes import convert
from aassl_ros.nodes.base import run
from aassl_ros.nodes.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.nodes.explorer_settings import ExplorerSettings, objects_to_handle
from aassl_ros.nodes.object_requests import ObjectRequests
from aassl_ros.nodes.parameters import declare_settings
from aassl_ros.nodes.qos import LATCHED

WAITING, EXPLORING, SILENT, RESTING, STOPPED, DONE = "waiting", "exploring", "silent", "resting", "stopped", "done"
_WATCH_PERIOD_S = 0.05
# How long, by the joint states' own stamps, a joint may be off its command before the arm is taken not to follow. On a
# machine that is too busy commands come late, and an arm near its speed limits takes a while to catch up.
_FOLLOWING_NS = 2_000_000_000
# Best effort hears reliable and best-effort drivers alike; the newest states are the ones that count.
_JOINT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
# The last messages of an ending process get this long to be received.
_FAREWELL = Duration(seconds=1)


class ExplorerNode(Node):
    """States: waiting (for the arm), exploring, resting (for explorer/next), silent (joint states), stopped, done."""

    def __init__(self) -> None:
        super().__init__("explorer")
        self.finished = False
        self._settings = declare_settings(self, ExplorerSettings, read_only=True)
        self._arm = load_arm(self._settings.arm)
        self._driver: ArmDriver | None = None
        self._schedule = Schedule(objects_to_handle(self._settings), round(self._settings.episode_seconds * 1e9))
        self._free = not self._settings.objects and not self._settings.simulator
        self._state, self._lacking = WAITING, "joint states"
        self._state_since = self._heard = time.monotonic()
        self._followed_ns = 0
        self._commands = self.create_publisher(JointTrajectory, topics.COMMAND, 10)
        self._episodes = self.create_publisher(String, topics.EPISODE, LATCHED)
        self._requests = ObjectRequests(self, self._settings.simulator_timeout_s) if self._settings.simulator else None
        self.create_subscription(JointState, topics.JOINT_STATES, self._on_joint_state, _JOINT_QOS)
        self.create_service(Trigger, "explorer/stop", self._on_stop)
        self.create_service(Trigger, "explorer/next", self._on_next)
        if self._arm.urdf:
            self._make_driver(None)
        else:
            self.create_subscription(
                String, topics.ROBOT_DESCRIPTION, lambda message: self._make_driver(message.data), LATCHED
            )
        # Of the steady clock: a simulator that hangs stops /clock too, and the arm has to be stopped all the same.
        self.create_timer(_WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(self, self._report)

    def destroy_node(self) -> None:
        """Bring the arm to rest and end the episode before the node goes."""
        self._rest()
        self._publish(self._schedule.stop_early(self._now_ns()))
        for publisher in (self._commands, self._episodes):
            publisher.wait_for_all_acked(_FAREWELL)
        super().destroy_node()

    def _make_driver(self, urdf: str | None) -> None:
        if self._driver is None:
            planner = ExplorationPlanner(
                self._arm, self._arm.chain(urdf), self._settings, np.random.default_rng(self._settings.seed)
            )
            self._driver = ArmDriver(self._arm, planner)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _enter(self, state: str) -> None:
        self._state, self._state_since = state, time.monotonic()

    # Joint states: the pulse of everything.

    def _on_joint_state(self, message: JointState) -> None:
        self._heard = time.monotonic()
        if self._driver is None:
            return
        self._driver.observe(message.name, message.position)
        if self._state == SILENT and not self._driver.missing:
            self.get_logger().info("joint states are back: exploring again")
            self._enter(WAITING)
        if self._state != EXPLORING:
            return
        self._check_following(messages.stamp_ns(message.header.stamp))
        now_ns = self._now_ns()
        if (plan := self._driver.plan(now_ns)) is not None:
            self._commands.publish(_to_message(plan))
        self._walk_schedule(now_ns)

    def _check_following(self, stamp_ns: int) -> None:
        assert self._driver is not None
        joint, away = self._driver.deviation(stamp_ns)
        if away <= self._settings.following_tolerance:
            self._followed_ns = stamp_ns
        elif stamp_ns - self._followed_ns > _FOLLOWING_NS:
            self._publish(self._schedule.interrupt(self._now_ns()))
            raise RosError(
                f"the arm does not follow: {joint} is {away:.2f} rad from its command. Is its controller active, and "
                f"does it listen on {self._commands.topic_name}?"
            )

    # Episodes.

    def _walk_schedule(self, now_ns: int) -> None:
        assert self._driver is not None
        self._publish(self._schedule.stop_if_due(now_ns))
        if self._schedule.running or self._driver.homing or self._free:
            return
        if self._schedule.current is None and not self._take_next():
            return
        if self._requests is None:
            self._publish(self._schedule.start(now_ns))
        elif (stamp_ns := self._requests.shown_at()) is not None:
            self._publish(self._schedule.start(stamp_ns))

    def _take_next(self) -> bool:
        """Take the next object and ask for it; False if there is none, or a person has to put it into the hand."""
        taken = self._schedule.take()
        if taken is None:
            self._rest()
            self._enter(DONE)
            self.get_logger().info(f"done: {self._schedule.handled} objects handled")
            self.finished = self._settings.exit_when_done
            return False
        if self._requests is not None:
            self._requests.ask(taken.instance, taken.category)
        elif self._settings.confirm:
            self._rest()
            self._enter(RESTING)
            self.get_logger().info(f"put {taken.instance} into the hand, then: aassl call explorer/next")
            return False
        return True

    def _publish(self, event: EpisodeEvent | None) -> None:
        if event is not None:
            self._episodes.publish(String(data=event.to_json()))

    def _rest(self) -> None:
        """Bring the arm to rest."""
        if self._driver is not None and (stop := self._driver.stop(self._now_ns())) is not None:
            self._commands.publish(_to_message(stop))

    # The watchdog.

    def _watch(self) -> None:
        silent_s = time.monotonic() - self._heard
        if self._state == EXPLORING and silent_s > self._settings.joint_timeout_s:
            self._fall_silent()
        elif self._state == WAITING:
            self._begin_when_ready()
        elif self._state == EXPLORING and self._requests is not None:
            self._requests.check()
        waiting_s = time.monotonic() - self._state_since
        if self._state in (WAITING, SILENT) and waiting_s > self._settings.patience_s:
            raise RosError(f"waited {self._settings.patience_s:g} s in vain for {self._lacking}.")

    def _fall_silent(self) -> None:
        assert self._driver is not None
        self._rest()
        self._driver.forget()
        self._publish(self._schedule.interrupt(self._now_ns()))
        if self._requests is not None:
            self._requests.forget()
        self._lacking = f"joint states on {topics.JOINT_STATES}"
        self._enter(SILENT)
        self.get_logger().error(
            f"no joint states for {self._settings.joint_timeout_s:g} s: the arm is stopped, the episode discarded"
        )

    def _begin_when_ready(self) -> None:
        self._lacking = self._what_is_lacking()
        if self._lacking or self._driver is None:
            self.get_logger().info(f"waiting for {self._lacking}", throttle_duration_sec=5.0)
            return
        self._driver.begin(self._now_ns())
        self._followed_ns = self._now_ns()
        self._enter(EXPLORING)

    def _what_is_lacking(self) -> str:
        if self._driver is None:
            return f"a robot description on {topics.ROBOT_DESCRIPTION}"
        if time.monotonic() - self._heard > self._settings.joint_timeout_s:
            self._driver.forget()
        if len(self._driver.missing) == len(self._arm.joints):
            return f"joint states on {topics.JOINT_STATES}"
        if self._driver.missing:
            return f"joint {self._driver.missing[0]} on {topics.JOINT_STATES}"
        if self._now_ns() == 0:
            return "/clock"
        if self._commands.get_subscription_count() == 0:
            return f"a controller that listens on {self._commands.topic_name}"
        listeners = self._episodes.get_subscription_count()
        if listeners < self._settings.listeners:
            return f"{self._settings.listeners} listeners on {self._episodes.topic_name} (now {listeners})"
        return ""

    # Services and diagnostics.

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._rest()
        self._publish(self._schedule.stop_early(self._now_ns()))
        if self._requests is not None:
            self._requests.forget()
        if self._state != DONE:
            self._enter(STOPPED)
        response.success, response.message = True, "the arm is at rest; explorer/next goes on"
        return response

    def _on_next(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._state in (RESTING, STOPPED)
        if self._state == STOPPED:
            self._schedule.interrupt(self._now_ns())
        if response.success:
            self._enter(WAITING)
            taken = self._schedule.current
            response.message = f"handling {taken.instance}" if taken is not None else "exploring"
        else:
            response.message = f"nothing to go on with: the explorer is {self._state}"
        return response

    def _report(self) -> Report:
        if self._state == SILENT:
            level, message = ERROR, "no joint states: the arm is stopped"
        elif self._state == WAITING:
            level, message = WARN, f"waiting for {self._lacking}"
        else:
            level, message = OK, self._state
        taken = self._schedule.current
        return Report(
            level,
            message,
            {
                "state": self._state,
                "object": "" if taken is None else taken.instance,
                "handled": self._schedule.handled,
                "discarded": self._schedule.discarded,
                "joint_state_age_s": time.monotonic() - self._heard,
            },
        )


def _to_message(trajectory: Trajectory) -> JointTrajectory:
    message = JointTrajectory(joint_names=list(trajectory.joint_names))
    message.header.stamp = convert.time_message(trajectory.stamp_ns)
    assert trajectory.velocities is not None
    for time_ns, position, velocity in zip(
        trajectory.times_ns.tolist(), trajectory.positions.tolist(), trajectory.velocities.tolist(), strict=True
    ):
        since = DurationMessage(sec=time_ns // messages.NANOSECONDS, nanosec=time_ns % messages.NANOSECONDS)
        message.points.append(JointTrajectoryPoint(positions=position, velocities=velocity, time_from_start=since))
    return message


def main() -> int:
    """Run the explorer as a process."""
    return run(ExplorerNode)


if __name__ == "__main__":
    sys.exit(main())
