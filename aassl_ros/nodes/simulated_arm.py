"""The simulated_arm node: a "real" arm without a robot, behind the topics of ros2_control, with the faults of one.

Two nodes in one process, as with ros2_control: this one publishes the joint states, and that of the controller (named
as in the arm's file) follows trajectories, from its topic and as goals of its action. Services press the emergency
stop, freeze or silence the joint states, and restart the controller.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arms import load_arm
from aassl_ros.nodes.simulated_controller import SimulatedController
from aassl_ros.ros.base import run
from aassl_ros.ros.conversions import time_message
from aassl_ros.ros.diagnostics import ERROR, OK, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import declare_settings
from aassl_ros.ros.qos import LATEST
from aassl_ros.settings import setting
from aassl_ros.sim.simulated_arm import SimulatedArm, SimulatedArmSettings, UnreliableLink

_NAME = "simulated_arm"
# Between the end of a controller's goal and of the controller itself, so that the result arrives.
_LEAVES_S = 0.1


@dataclass(frozen=True)
class SimulatedArmNodeSettings(SimulatedArmSettings):
    """Parameters of the node, including the faults of the arm."""

    arm: str = setting("panda", "arm configuration: a name in sim/arms or the path of a YAML file")
    rate_hz: float = setting(100.0, "rate of the joint states, Hz", minimum=1.0, maximum=1000.0)
    down_s: float = setting(0.5, "how long a restart of the controller takes, s", minimum=0.0, maximum=60.0)
    action: bool = setting(True, "the controller offers its action follow_joint_trajectory, too")
    describe: bool = setting(True, "publish robot_description, if the arm's file names a URDF")


class SimulatedArmNode(Node):
    """Joint states of a simulated arm, and services for its faults. It needs no simulator and publishes no camera."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_NAME, **kwargs)
        self._settings = declare_settings(self, SimulatedArmNodeSettings, read_only=True)
        self._arm = load_arm(self._settings.arm)
        self._body = SimulatedArm(self._arm, self._settings, self._now_ns())
        self._link: UnreliableLink[JointState] = UnreliableLink(
            self._settings.latency_s, self._settings.jitter_s, self._settings.lost_states, self._body.rng
        )
        self._frozen: JointState | None = None
        self._silent = False
        self._states = self.create_publisher(JointState, self._arm.joint_states_topic or topics.JOINT_STATES, 10)
        if self._settings.describe and self._arm.urdf:
            self._description = self.create_publisher(String, topics.ROBOT_DESCRIPTION, LATEST)
            self._description.publish(String(data=self._arm.urdf_path().read_text(encoding="utf-8")))
        self._controller: SimulatedController | None = None
        self._leaves_s = math.inf
        self._starts_s = time.monotonic()
        self.create_service(SetBool, "simulated_arm/emergency_stop", self._on_stop)
        self.create_service(SetBool, "simulated_arm/freeze", self._on_freeze)
        self.create_service(SetBool, "simulated_arm/silence", self._on_silence)
        self.create_service(Trigger, "simulated_arm/restart_controller", self._on_restart)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1 / self._settings.rate_hz, self._tick, clock=steady)
        self._diagnostics = DiagnosticsPublisher(self, self._report)

    def destroy_node(self) -> None:
        """Destroy the controller's node as well."""
        self._take_controller_away()
        super().destroy_node()

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _tick(self) -> None:
        # The executor is known only once it spins.
        if self._controller is None and self.executor is not None and time.monotonic() >= self._starts_s:
            self._controller = SimulatedController(
                self._arm,
                self._body,
                path_tolerance=self._settings.path_tolerance,
                action=self._settings.action,
                namespace=self.get_namespace(),
            )
            self.executor.add_node(self._controller)
        now_ns = self._now_ns()
        self._body.advance(now_ns)
        if self._controller is not None:
            self._controller.tick(now_ns)
            if time.monotonic() > self._leaves_s:
                self._take_controller_away()
                self._leaves_s, self._starts_s = math.inf, time.monotonic() + self._settings.down_s
        if self._silent:
            return
        self._link.send(self._frozen or self._state(now_ns), now_ns)
        for message in self._link.arrivals(now_ns):
            self._states.publish(message)

    def _state(self, now_ns: int) -> JointState:
        message = JointState(name=list(self._arm.joints), position=self._body.measure().tolist())
        message.header.stamp = time_message(now_ns)
        return message

    def _take_controller_away(self) -> None:
        if self._controller is not None:
            if self.executor is not None:
                self.executor.remove_node(self._controller)
            self._controller.destroy_node()
            self._controller = None

    def _on_stop(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._body.press_stop(request.data)
        if self._controller is not None and request.data:
            self._controller.abort("the emergency stop was pressed")
        response.success = True
        response.message = "pressed: the arm brakes and ignores commands" if request.data else "released"
        self.get_logger().warning(f"emergency stop {response.message}")
        return response

    def _on_freeze(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._frozen = self._state(self._now_ns()) if request.data else None
        response.success = True
        response.message = "the same joint state is repeated" if request.data else "joint states are up to date"
        return response

    def _on_silence(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._silent = request.data
        response.success, response.message = True, "no joint states" if request.data else "joint states come"
        return response

    def _on_restart(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._body.reset_controller()
        if self._controller is not None:
            self._controller.abort("the controller is restarted", for_good=True)
            self._leaves_s = time.monotonic() + _LEAVES_S
        response.success, response.message = True, f"the controller starts again in {self._settings.down_s:g} s"
        return response

    def _report(self) -> Report:
        pressed = self._body.stopped
        values = {
            "emergency_stop": pressed,
            "controller": self._controller is not None,
            "commands": 0 if self._controller is None else self._controller.commands,
        }
        return Report(ERROR, "emergency stop", values) if pressed else Report(OK, "running", values)


def main() -> int:
    """Run the simulated arm as a process."""
    return run(SimulatedArmNode)


if __name__ == "__main__":
    sys.exit(main())
