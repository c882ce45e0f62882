"""A real arm moves only after it was armed, and not after the first reason to stop: the explorer's process over DDS."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from arm_watcher import said_by
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arms import load_arm

ARM = load_arm("panda")
UNARMED = "not armed: aassl call explorer/arm"
# On a busy machine, joint states may come late; only tests of missing ones disarm for it.
PATIENT = {"joint_timeout_s": 60.0}
REAL = {**PATIENT, "simulator": False}
MISSED_S = 5.0  # time without joint states that disarms, in the tests of it


class Person:
    """Calls the explorer's services, and checks whether the arm moves."""

    def __init__(self, ros, arm, node: Node) -> None:
        self.ros, self.arm = ros, arm
        self.told: dict[str, str] = {}  # the explorer's newest diagnostics
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._arm = node.create_client(SetBool, "explorer/arm")
        self._others = {name: node.create_client(Trigger, f"explorer/{name}") for name in ("stop", "next")}

    def set_armed(self, value: bool = True) -> SetBool.Response:
        return self._answer(self._arm, SetBool.Request(data=value))

    def call(self, name: str) -> Trigger.Response:
        return self._answer(self._others[name], Trigger.Request())

    def sees_motion(self) -> None:
        before = len(self.arm.plans)
        self.ros.wait_for(lambda: len(self.arm.plans) >= before + 3, what="three plans")

    def sees_no_motion(self, state: str) -> None:
        """Check that the explorer reports this state and that no more commands arrive."""
        self.arm.diagnostics.clear()
        self.ros.wait_for(lambda: any(state in said for _, said in self.arm.diagnostics), what=state)
        before = len(self.arm.plans)
        self.ros.spin(0.7)
        assert len(self.arm.plans) == before

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id == "explorer":
                self.told = {pair.key: pair.value for pair in status.values}

    def _answer(self, client, request):
        return self.ros.call_once(client, request)


@pytest.fixture
def arm(ros, following_arm):
    """An arm that the explorer takes for a real one."""
    return following_arm(ros.node("driver"))


@pytest.fixture
def person(ros, arm) -> Person:
    return Person(ros, arm, ros.node("person"))


def test_a_real_arm_stays_still_until_a_person_arms_it_and_only_then_goes_home(ros, arm, person, start_node):
    explorer = start_node("explorer", REAL)
    person.sees_no_motion(UNARMED)
    assert not person.call("next").success
    assert not arm.plans
    call = subprocess.Popen(
        [sys.executable, "-m", "aassl_ros.cli.main", "call", "explorer/arm"], stdout=subprocess.PIPE, text=True
    )
    ros.wait_for(lambda: call.poll() is not None, what="aassl call to end")
    assert call.communicate()[0].strip() == "armed: the arm moves now"
    person.sees_motion()
    said = said_by(explorer)
    assert explorer.returncode == 0
    assert "ready, but not armed: the arm of /driver stays still until you call: aassl call explorer/arm" in said
    assert "armed (explorer/arm was called): the arm of /driver moves now." in said
    assert "disarmed: the explorer exits." in said


def test_stop_missing_joint_states_and_a_call_disarm_it_and_only_arming_moves_it_again(ros, arm, person, start_node):
    explorer = start_node("explorer", REAL | {"joint_timeout_s": MISSED_S})
    person.sees_no_motion(UNARMED)
    assert person.set_armed().success
    person.sees_motion()

    assert person.set_armed(False).message == "the arm is at rest and disarmed"
    person.sees_no_motion(UNARMED)
    assert np.all(arm.plans[-1][1].velocities[-1] == 0)
    assert person.set_armed().success
    person.sees_motion()
    assert person.set_armed().message == "already armed"

    arm.speaking = False
    person.sees_no_motion("no joint states")
    assert person.set_armed().message.startswith("not armed: waiting for joint states")
    arm.speaking = True
    person.sees_no_motion(UNARMED)
    assert person.set_armed().success
    person.sees_motion()

    assert person.call("stop").message == "the arm is at rest; to continue, call explorer/arm, then explorer/next"
    person.sees_no_motion("stopped")
    assert person.call("next").message == "the arm is not armed: aassl call explorer/arm"
    assert person.set_armed().message == "armed; to continue, call explorer/next"
    person.sees_no_motion("stopped")
    assert person.call("next").success
    person.sees_motion()

    said = said_by(explorer)
    for reason in ("explorer/arm was called with false", "there are no joint states", "explorer/stop was called"):
        assert f"disarmed: {reason}. The arm stays still until it is armed again: aassl call explorer/arm" in said


def test_joint_states_of_the_gripper_alone_are_no_news_of_the_arm(ros, arm, person, start_node):
    start_node("explorer", REAL | {"joint_timeout_s": MISSED_S})
    node = ros.node("gripper")
    gripper = node.create_publisher(JointState, topics.JOINT_STATES, 10)

    def tell() -> None:
        message = JointState(name=["panda_finger_joint1"], position=[0.01])
        message.header.stamp = node.get_clock().now().to_msg()
        gripper.publish(message)
        if not arm.speaking:  # neither does a driver that repeats what it said, nor one without a value
            message.name, message.position = [ARM.joints[0]], [float("nan")]
            gripper.publish(message)

    node.create_timer(0.02, tell)
    person.sees_no_motion(UNARMED)
    assert person.set_armed().success
    person.sees_motion()
    arm.speaking = False
    person.sees_no_motion("no joint states")
    assert person.set_armed().message.startswith("not armed: waiting for joint")
    assert np.all(arm.plans[-1][1].velocities[-1] == 0)


def test_a_new_controller_disarms_it_and_gets_no_command(ros, arm, person, start_node):
    explorer = start_node("explorer", REAL)
    person.sees_no_motion(UNARMED)
    assert person.set_armed().success
    person.sees_motion()
    got: list[JointTrajectory] = []
    newcomer = ros.node("newcomer")
    newcomer.create_subscription(JointTrajectory, topics.COMMAND, got.append, 10)
    person.sees_no_motion(UNARMED)
    assert not got
    assert np.all(arm.plans[-1][1].velocities[-1] == 0)
    assert person.set_armed().success
    person.sees_motion()
    newcomer.destroy_node()
    person.sees_no_motion(UNARMED)
    said = said_by(explorer)
    assert "disarmed: /newcomer now listens on /joint_trajectory_controller/joint_trajectory." in said
    assert "disarmed: /newcomer no longer listens on /joint_trajectory_controller/joint_trajectory." in said


def test_an_arm_that_does_not_move_is_disarmed_and_can_be_armed_again(ros, arm, person, start_node):
    explorer = start_node("explorer", REAL | {"armed": True, "following_tolerance": 5.0})
    person.sees_motion()
    arm.follows = False
    person.sees_no_motion(UNARMED)
    arm.follows = True
    ros.wait_for(lambda: person.set_armed().success, what="the arming")
    person.sees_motion()
    said = said_by(explorer)
    assert explorer.returncode == 0
    assert "disarmed: the arm does not move: panda_joint" in said


def test_an_arm_that_stays_far_from_its_command_ends_the_explorer(ros, arm, person, start_node):
    explorer = start_node("explorer", REAL | {"armed": True, "following_tolerance": 0.1, "stuck_s": 60.0})
    arm.follows = False
    ros.wait_for(lambda: explorer.poll() is not None, what="the explorer to end")
    said = said_by(explorer)
    assert explorer.returncode == 1
    assert "disarmed: the arm does not follow." in said
    assert "explorer: the arm does not follow: panda_joint" in said
    plans = [plan for _, plan in arm.plans]
    assert plans[-1].stamp_ns + plans[-1].duration_ns < plans[-2].stamp_ns + plans[-2].duration_ns  # it was braked
    assert np.all(plans[-1].velocities[-1] == 0)


def test_armed_by_a_parameter_it_moves_without_a_call_but_only_once(ros, arm, person, start_node):
    start_node("explorer", REAL | {"armed": True})
    person.sees_motion()
    assert person.call("stop").success
    person.sees_no_motion("stopped")
    assert not person.call("next").success


def test_who_disarms_it_before_it_is_ready_is_not_overruled_by_the_parameter(ros, arm, person, start_node):
    arm.speaking = False
    explorer = start_node("explorer", REAL | {"armed": True})
    ros.wait_for(lambda: any("waiting for" in said for _, said in arm.diagnostics), what="its wait")
    assert person.set_armed(False).message == "the arm is at rest and disarmed"
    arm.speaking = True
    person.sees_no_motion(UNARMED)
    assert not arm.plans
    assert person.set_armed().success
    person.sees_motion()
    assert explorer.poll() is None


def test_an_armed_simulation_does_not_arm_a_real_arm_that_appears_later(ros, following_arm, start_node):
    simulator = following_arm(ros.node("sim"), answer=lambda request: simulator.show(request))
    person = Person(ros, simulator, ros.node("person"))
    start_node("explorer", PATIENT | {"armed": True})
    person.sees_motion()
    got: list[JointTrajectory] = []
    ros.node("driver").create_subscription(JointTrajectory, topics.COMMAND, got.append, 10)
    person.sees_no_motion(UNARMED)
    assert not got


def test_it_is_also_disarmed_while_it_waits_for_an_object(ros, arm, person, start_node):
    objects = ["train:mug_0001"]
    start_node("explorer", REAL | {"joint_timeout_s": MISSED_S, "armed": True, "objects": objects})
    ros.wait_for(lambda: any(said == "resting" for _, said in arm.diagnostics), what="a rest")
    ros.wait_for(lambda: person.told.get("armed") == "True", what="the explorer to be armed")
    arm.speaking = False
    ros.wait_for(lambda: person.told.get("armed") == "False", what="the explorer to be disarmed")
    arm.speaking = True
    person.sees_no_motion("resting")
    assert person.call("next").message == "the arm is not armed: aassl call explorer/arm"
    assert person.set_armed().message == "armed; to continue, call explorer/next"
    assert person.call("next").success
    ros.wait_for(lambda: arm.events, what="an episode")


def test_an_explorer_for_the_simulator_moves_no_other_arm(ros, arm, following_arm, person, start_node):
    explorer = start_node("explorer", PATIENT)
    person.sees_no_motion(UNARMED)
    assert not arm.plans
    said = said_by(explorer)
    assert "not armed: the arm of /driver stays still" in said


def test_the_simulators_arm_stops_if_another_controller_appears(ros, following_arm, start_node):
    simulator = following_arm(ros.node("sim"), answer=lambda request: simulator.show(request))
    person = Person(ros, simulator, ros.node("person"))
    explorer = start_node("explorer", PATIENT)
    person.sees_motion()
    assert person.set_armed().message == "the simulator's arm needs no arming"
    got: list[JointTrajectory] = []
    ros.node("driver").create_subscription(JointTrajectory, topics.COMMAND, got.append, 10)
    person.sees_no_motion(UNARMED)
    assert not got
    assert "/driver now listens on /joint_trajectory_controller/joint_trajectory, and is not a sim" in said_by(explorer)


def test_the_simulators_arm_moves_on_while_a_tool_shows_its_commands_if_the_simulator_is_named(
    ros, following_arm, start_node
):
    simulator = following_arm(ros.node("sim"), answer=lambda request: simulator.show(request))
    person = Person(ros, simulator, ros.node("person"))
    start_node("explorer", PATIENT | {"controller": "/sim"})
    plotter = ros.node("plotter")
    plotter.create_subscription(JointTrajectory, topics.COMMAND, lambda message: None, 10)
    person.sees_motion()
    ros.wait_for(lambda: plotter.count_subscribers(topics.COMMAND) == 2, what="the plotter")
    person.sees_motion()


def test_our_own_nodes_are_no_controllers_whatever_they_are_named(ros, start_node, tmp_path):
    node = ros.node("driver_without_controller")
    node.create_publisher(JointTrajectory, topics.COMMAND, 10)  # what they listen to before the explorer is there
    joints = node.create_publisher(JointState, topics.JOINT_STATES, 10)
    node.create_timer(0.05, lambda: joints.publish(JointState(name=list(ARM.joints), position=list(ARM.home))))
    start_node("recorder", {"bag": tmp_path / "bag"}, "-r", "__node:=joint_trajectory_controller")
    start_node("trainer", {"run_dir": tmp_path / "run", "device": "cpu"}, "-r", "__node:=learner")
    ros.wait_for(lambda: node.count_subscribers(topics.COMMAND) == 2, what="recorder and trainer listening")
    told: list[str] = []
    node.create_subscription(
        DiagnosticArray, "/diagnostics", lambda heard: told.extend(status.message for status in heard.status), 10
    )
    wanted = "waiting for a controller that listens on /joint_trajectory_controller/joint_trajectory"
    line = f"{wanted} (only /joint_trajectory_controller, /learner listens, which does not move the arm)"
    explorer = start_node("explorer", REAL | {"armed": True, "patience_s": 1e6})
    ros.wait_for(lambda: line in told, what=line)
    assert explorer.poll() is None
    said = said_by(explorer)
    assert line in said
    assert "moves now" not in said
    assert "Traceback" not in said


def test_without_a_controller_it_gives_up_with_status_1(ros, start_node):
    node = ros.node("driver_without_controller")
    joints = node.create_publisher(JointState, topics.JOINT_STATES, 10)
    node.create_timer(0.05, lambda: joints.publish(JointState(name=list(ARM.joints), position=list(ARM.home))))
    explorer = start_node("explorer", REAL | {"armed": True, "patience_s": 2.0})
    ros.wait_for(lambda: explorer.poll() is not None, what="the explorer to end")
    assert explorer.returncode == 1
    assert explorer.communicate()[0].rstrip().splitlines()[-1].startswith("explorer: gave up after 2 s: waiting for ")


def test_the_one_node_that_counts_can_be_named(ros, arm, person, start_node):
    start_node("explorer", REAL | {"armed": True, "controller": "/driver"})
    person.sees_motion()
    plotter = ros.node("plotter")
    plotter.create_subscription(JointTrajectory, topics.COMMAND, lambda message: None, 10)
    ros.wait_for(lambda: plotter.count_subscribers(topics.COMMAND) == 2, what="the plotter")
    person.sees_motion()
