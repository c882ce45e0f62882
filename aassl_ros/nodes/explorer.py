"""The explorer node: moves the arm so that the object in its gripper is seen from many sides, and marks the episodes.

motion/driver.py plans the motion, motion/arming.py allows it, data/streams/schedule.py starts and stops episodes.
"""

from __future__ import annotations

import sys
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.errors import RosError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.nodes.arming import ArmingGate
from aassl_ros.nodes.explorer_settings import ExplorerSettings, make_driver
from aassl_ros.nodes.explorer_states import DONE, EXPLORING, NEXT, RESTING, SILENT, STOPPED, UNARMED, WAITING, report
from aassl_ros.nodes.handling import Handling, Next
from aassl_ros.nodes.joint_intake import JointIntake
from aassl_ros.nodes.robot_description import RobotDescription
from aassl_ros.nodes.stop_requests import StopRequests
from aassl_ros.nodes.trajectory_sender import TrajectorySender, find_ways
from aassl_ros.ros.base import run
from aassl_ros.ros.diagnostics import DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import declare_settings

_WATCH_PERIOD_S, _TELL_AGAIN_S = 0.05, 5.0
# Time for the last messages to be received before the process exits.
_FAREWELL_S = 1.0


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
        self._state_since = self._told = time.monotonic()
        # First, because these may raise an error: nothing else has been created that would need cleaning up.
        ways = find_ways(self, self._settings)
        self._handling = Handling(self, self._settings)
        self._sender = TrajectorySender(self, ways, self._on_refused)
        self._gate = ArmingGate(self, ways, self._settings, self._sender.is_ready)
        stamps, timeout_s, joints = not self._settings.simulator, self._settings.joint_timeout_s, self._arm.joints
        self._joints = JointIntake(self, self._on_joint_state, joints, timeout_s=timeout_s, check_stamps=stamps)
        self._stops = StopRequests(self, self._stop)
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
        self._enter(DONE)  # it does nothing more, though it still receives
        self._sender.finish(_FAREWELL_S)
        self._handling.farewell(_FAREWELL_S)
        super().destroy_node()

    def _make_driver(self, urdf: str | None) -> None:
        if self._driver is None:
            self._driver = make_driver(self._arm, urdf, self._settings)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _enter(self, state: str) -> None:
        self._state, self._state_since = state, time.monotonic()

    # Every joint state triggers planning and the episode schedule.

    def _on_joint_state(self, message: JointState, stamp_ns: int) -> None:
        if self._driver is None:
            return
        self._driver.observe(message.name, message.position, at_s=time.monotonic())
        if self._state == SILENT and not self._driver.missing:
            self.get_logger().info("joint states are back")
            self._enter(WAITING)
        if self._state != EXPLORING or not self._follows(stamp_ns):
            return
        now_ns = self._now_ns()
        if (plan := self._driver.plan(now_ns)) is not None:
            if not self._gate.is_open():
                self._leave_alone()
                return
            self._sender.send(plan, as_goal=self._gate.by_action)
        self._handling.end_if_due(now_ns)
        if not self._driver.homing:
            self._walk(now_ns)

    def _follows(self, stamp_ns: int) -> bool:
        """Whether the arm follows its commands. If a real arm does not move at all, it is disarmed."""
        assert self._driver is not None
        if strayed := self._driver.strayed(stamp_ns, self._settings.following_tolerance):
            self._rest()
            self._handling.give_up(self._now_ns())
            self._gate.disarm("the arm does not follow")
            raise RosError(
                f"the arm does not follow: {strayed} from its command. Check that its controller is active and "
                f"takes commands on {self._gate.where}."
            )
        if not self._gate.needed:
            return True
        if far := self._driver.far_start(self._settings.start_tolerance):
            # Nothing is sent, not even a stop, which would be as far away.
            self._halt(f"the first command would be far from the arm: {far} from its start")
        elif stuck := self._driver.stuck():
            self._rest()
            self._halt(f"the arm does not move: {stuck}. Look for an emergency stop or an inactive controller")
        return self._state == EXPLORING

    def _halt(self, why: str) -> None:
        self._let_go()
        self._gate.disarm(why)

    def _let_go(self) -> None:
        assert self._driver is not None
        self._driver.leave()
        self._handling.give_up(self._now_ns())
        self._enter(WAITING)

    def _on_refused(self, why: str) -> None:
        """A controller rejected a trajectory or gave it up: the arm holds, or ends the one before."""
        if self._state == EXPLORING:
            self._halt(why)
        else:
            self._gate.disarm(why, always_say=True)

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
            self._sender.send(stop, as_goal=self._gate.by_action)

    def _watch(self) -> None:
        silent = self._joints.silent
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
        if self._state in (WAITING, SILENT) and self._lacking and waiting_s > self._settings.patience_s:
            raise RosError(f"gave up after {self._settings.patience_s:g} s: waiting for {self._lacking}.")

    def _fall_silent(self) -> None:
        assert self._driver is not None
        self._rest()
        self._driver.forget()
        self._handling.give_up(self._now_ns())
        self._lacking = self._joints.lacking
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
            self._let_go()
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
        if self._gate.needed and not self._driver.stands_still(time.monotonic()):
            return  # its position is about to change
        self._driver.begin(self._now_ns(), slowly=self._gate.take_newly_armed())
        self._enter(EXPLORING)

    def _what_is_lacking(self) -> str:
        if self._driver is None:
            return f"a robot description on {self._description.topic}"
        if self._joints.silent:
            self._driver.forget()
        if len(self._driver.missing) == len(self._arm.joints):
            return self._joints.lacking
        if self._driver.missing:
            return f"joint {self._driver.missing[0]} on {topics.JOINT_STATES}"
        if self._now_ns() == 0:
            return "/clock"
        moving = "" if self._driver.at_rest(self._now_ns()) else "the arm to come to rest"
        return self._gate.lacking() or moving or self._handling.lacking()

    # Services and diagnostics.

    def _stop(self, why: str) -> str:
        """Stop the arm and disarm it. Returns what to do to continue."""
        self._rest()
        self._handling.stop(self._now_ns())
        if self._state != DONE:
            self._enter(STOPPED)
        self._gate.disarm(why)
        first = "explorer/arm, then " if self._gate.needed else ""
        return f"the arm is at rest; to continue, call {first}explorer/next"

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
        elif self._driver is not None and not self._driver.stands_still(time.monotonic()):
            response.success, response.message = False, "not armed: the arm moves. Call again when it stands still"
        else:
            self._gate.arm("explorer/arm was called")
            resting = self._state in NEXT
            response.message = "armed; to continue, call explorer/next" if resting else "armed: the arm moves now"
        return response

    def _on_next(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._state in NEXT and self._gate.is_open()
        if response.success:
            if self._state == STOPPED:
                self._handling.give_up(self._now_ns())
            self._enter(WAITING)
            taken = self._handling.taken
            response.message = f"handling {taken.instance}" if taken is not None else "exploring"
        elif self._state in NEXT:
            response.message = f"the arm is not armed: {self._gate.how}"
        else:
            response.message = f"nothing to continue: the explorer is {self._state}"
        return response

    def _report(self) -> Report:
        values = {
            "armed": self._gate.armed,
            "commands_go_to": self._gate.where,
            **self._handling.facts,
            "joint_state_age_s": self._joints.age_s,
        }
        return report(self._state, lacking=self._lacking, how_to_arm=self._gate.how, values=values)


if __name__ == "__main__":
    sys.exit(run(ExplorerNode))
