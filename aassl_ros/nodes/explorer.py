"""The explorer node: moves the arm so that the object in its gripper is seen from many sides, and marks the episodes.

motion/driver.py plans the motion, motion/arming.py allows it, data/streams/schedule.py starts and stops episodes.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.errors import RosError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.nodes.arming import ArmingGate
from aassl_ros.nodes.explorer_settings import ExplorerSettings
from aassl_ros.nodes.handling import Handling, Next
from aassl_ros.nodes.robot_description import RobotDescription
from aassl_ros.ros import conversions
from aassl_ros.ros.base import run
from aassl_ros.ros.diagnostics import ERROR, OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import declare_settings

WAITING, UNARMED, EXPLORING, SILENT = "waiting", "not armed", "exploring", "silent"
RESTING, STOPPED, DONE = "resting", "stopped", "done"
_NEXT = (RESTING, STOPPED)  # states in which explorer/next continues
_WATCH_PERIOD_S, _TELL_AGAIN_S = 0.05, 5.0
# Best effort is compatible with reliable and best-effort drivers. Only the newest states are needed.
_JOINT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
# Time for the last messages to be received before the process exits.
_FAREWELL = Duration(seconds=1)


class ExplorerNode(Node):
    """Explorer with the states waiting, not armed, exploring, resting, silent, stopped and done.

    resting: waits for explorer/next. silent: there are no joint states. docs/safety.md describes when the arm moves.
    """

    def __init__(self) -> None:
        super().__init__("explorer")
        self.finished = False
        self._settings = declare_settings(self, ExplorerSettings, read_only=True)
        self._arm = load_arm(self._settings.arm)
        self._driver: ArmDriver | None = None
        self._state, self._lacking = WAITING, ""
        self._state_since = self._heard = self._told = time.monotonic()
        # First, because this may raise an error: nothing else has been created that would need cleaning up.
        self._handling = Handling(self, self._settings)
        self._commands = self.create_publisher(JointTrajectory, topics.COMMAND, 10)
        self._gate = ArmingGate(self, self._commands.topic_name, self._settings)
        self.create_subscription(JointState, topics.JOINT_STATES, self._on_joint_state, _JOINT_QOS)
        self.create_service(Trigger, "explorer/stop", self._on_stop)
        self.create_service(Trigger, "explorer/next", self._on_next)
        self.create_service(SetBool, "explorer/arm", self._on_arm)
        if self._arm.urdf:
            self._make_driver(None)
        else:
            self._description = RobotDescription(self, self._make_driver)
        # On the steady clock: if the simulator hangs, /clock stops too, and the arm must still be stopped.
        self.create_timer(_WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = DiagnosticsPublisher(self, self._report)

    def destroy_node(self) -> None:
        """Stop the arm and end the episode before the node is destroyed."""
        self._rest()
        self._gate.disarm("the explorer exits")
        self._handling.stop(self._now_ns())
        self._commands.wait_for_all_acked(_FAREWELL)
        self._handling.farewell(_FAREWELL)
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

    # Every joint state triggers planning and the episode schedule.

    def _on_joint_state(self, message: JointState) -> None:
        self._heard = time.monotonic()
        if self._driver is None:
            return
        self._driver.observe(message.name, message.position)
        if self._state == SILENT and not self._driver.missing:
            self.get_logger().info("joint states are back")
            self._enter(WAITING)
        if self._state != EXPLORING:
            return
        self._check_following(messages.stamp_ns(message.header.stamp))
        now_ns = self._now_ns()
        if (plan := self._driver.plan(now_ns)) is not None:
            if not self._gate.is_open():
                self._leave_alone()
                return
            self._commands.publish(conversions.trajectory_message(plan))
        self._handling.end_if_due(now_ns)
        if not self._driver.homing:
            self._walk(now_ns)

    def _check_following(self, stamp_ns: int) -> None:
        assert self._driver is not None
        if strayed := self._driver.strayed(stamp_ns, self._settings.following_tolerance):
            self._handling.give_up(self._now_ns())
            self._gate.disarm("the arm does not follow")
            raise RosError(
                f"the arm does not follow: {strayed} from its command. Check that its controller is active and "
                f"subscribes to {self._commands.topic_name}."
            )

    def _walk(self, now_ns: int) -> None:
        step = self._handling.walk(now_ns)
        if step is Next.GO_ON:
            return
        self._rest()
        if step is Next.DONE:
            self._gate.disarm("every object was handled")
            self._enter(DONE)
            self.get_logger().info(f"done: {self._handling.facts['handled']} objects handled")
            self.finished = self._settings.exit_when_done
        else:
            assert self._handling.taken is not None
            self._enter(RESTING)
            instance = self._handling.taken.instance
            self.get_logger().info(f"put {instance} into the gripper, then call: aassl call explorer/next")

    def _rest(self) -> None:
        """Stop the arm, if a command may be sent to the present controllers."""
        stop = None if self._driver is None else self._driver.stop(self._now_ns())
        if stop is not None and self._gate.is_open():
            self._commands.publish(conversions.trajectory_message(stop))

    def _watch(self) -> None:
        silent = time.monotonic() - self._heard > self._settings.joint_timeout_s
        if self._state == EXPLORING and silent:
            self._fall_silent()
        elif (self._state == EXPLORING or self._gate.armed) and not self._gate.is_open():
            self._leave_alone()
        elif self._gate.armed and silent:
            self._gate.disarm(f"no joint states for {self._settings.joint_timeout_s:g} s")
        elif self._state in (WAITING, UNARMED):
            self._begin_when_ready()
        elif self._state == EXPLORING:
            self._handling.check()
        waiting_s = time.monotonic() - self._state_since
        if self._state in (WAITING, SILENT) and waiting_s > self._settings.patience_s:
            raise RosError(f"gave up after {self._settings.patience_s:g} s: waiting for {self._lacking}.")

    def _fall_silent(self) -> None:
        assert self._driver is not None
        self._rest()
        self._driver.forget()
        self._handling.give_up(self._now_ns())
        self._lacking = f"joint states on {topics.JOINT_STATES}"
        self._enter(SILENT)
        self.get_logger().error(
            f"no joint states for {self._settings.joint_timeout_s:g} s: the arm is stopped and the episode is discarded"
        )
        self._gate.disarm("there are no joint states")

    def _leave_alone(self) -> None:
        """Stop sending commands, because the controllers have changed. Not even a stop is sent: the last plan ends at
        rest within a second, and the arm of a new controller must not jump to the position of another arm.
        """
        if self._state == EXPLORING:
            assert self._driver is not None
            self._driver.leave()
            self._handling.give_up(self._now_ns())
            self._enter(WAITING)
        self._gate.withdraw()

    def _begin_when_ready(self) -> None:
        before, self._lacking = self._lacking, self._what_is_lacking()
        if self._lacking or self._driver is None:
            if self._state == UNARMED:
                self._enter(WAITING)
            if self._lacking != before or time.monotonic() - self._told > _TELL_AGAIN_S:
                self._told = time.monotonic()
                self.get_logger().info(f"waiting for {self._lacking}")
            return
        self._gate.arm_at_start()
        if not self._gate.is_open():
            if self._state != UNARMED:
                self._enter(UNARMED)
                self._gate.say_closed()
            return
        self._driver.begin(self._now_ns())
        self._enter(EXPLORING)

    def _what_is_lacking(self) -> str:
        if self._driver is None:
            return f"a robot description on {self._description.topic}"
        if time.monotonic() - self._heard > self._settings.joint_timeout_s:
            self._driver.forget()
        if len(self._driver.missing) == len(self._arm.joints):
            return f"joint states on {topics.JOINT_STATES}"
        if self._driver.missing:
            return f"joint {self._driver.missing[0]} on {topics.JOINT_STATES}"
        if self._now_ns() == 0:
            return "/clock"
        if lacking := self._gate.lacking():
            return lacking
        if not self._driver.at_rest(self._now_ns()):
            return "the arm to come to rest"
        return self._handling.lacking()

    # Services and diagnostics.

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._rest()
        self._handling.stop(self._now_ns())
        if self._state != DONE:
            self._enter(STOPPED)
        self._gate.disarm("explorer/stop was called")
        first = "explorer/arm, then " if self._gate.needed else ""
        response.success, response.message = True, f"the arm is at rest; to continue, call {first}explorer/next"
        return response

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._gate.needed
        if not self._gate.needed:
            response.message = "the simulator's arm needs no arming"
        elif not request.data:
            self._rest()
            self._handling.stop(self._now_ns())
            if self._state == EXPLORING:
                self._enter(WAITING)
            self._gate.disarm("explorer/arm was called with false")
            response.message = "the arm is at rest and disarmed"
        elif self._gate.armed:
            response.message = "already armed"
        elif lacking := "another object" if self._state == DONE else self._what_is_lacking():
            response.success, response.message = False, f"not armed: waiting for {lacking}"
        else:
            self._gate.arm("explorer/arm was called")
            resting = self._state in _NEXT
            response.message = "armed; to continue, call explorer/next" if resting else "armed: the arm moves now"
        return response

    def _on_next(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._state in _NEXT and self._gate.is_open()
        if response.success:
            if self._state == STOPPED:
                self._handling.give_up(self._now_ns())
            self._enter(WAITING)
            taken = self._handling.taken
            response.message = f"handling {taken.instance}" if taken is not None else "exploring"
        elif self._state in _NEXT:
            response.message = f"the arm is not armed: {self._gate.how}"
        else:
            response.message = f"nothing to continue: the explorer is {self._state}"
        return response

    def _report(self) -> Report:
        if self._state == SILENT:
            level, message = ERROR, "no joint states: the arm is stopped"
        elif self._state == WAITING:
            level, message = WARN, f"waiting for {self._lacking}"
        elif self._state == UNARMED:
            level, message = WARN, f"not armed: {self._gate.how}"
        else:
            level, message = OK, self._state
        age_s = time.monotonic() - self._heard
        values = {"state": self._state, "armed": self._gate.armed, **self._handling.facts, "joint_state_age_s": age_s}
        return Report(level, message, values)


def main() -> int:
    """Run the explorer as a process."""
    return run(ExplorerNode)


if __name__ == "__main__":
    sys.exit(main())
