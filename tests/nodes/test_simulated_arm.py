"""robot:=real against a simulated real arm, each its own process, over DDS: arming, faults, stops."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import yaml
from arm_watcher import ARM, PATIENCE_S, REAL, Watcher, said_by
from control_msgs.msg import JointTrajectoryControllerState
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Empty

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arms import load_arm
from aassl_ros.paths import share

AWAY = np.add(ARM.home, (0.1, -0.05, 0.1, 0.0, 0.2, -0.1, 0.6)).tolist()
MISSED_S = 3.0


@pytest.fixture
def person(ros) -> Watcher:
    return Watcher(ros, ros.node("person"))


def test_armed_it_goes_home_slowly_and_the_emergency_stop_disarms_it(ros, person, start_node):
    start_node("simulated_arm", {"start": AWAY, "action": False})  # test_trajectory_action.py has the other way
    explorer = start_node("explorer", REAL | {"slow_start_s": 20.0})
    person.waits_for("not armed")
    person.sees_no_motion()
    assert person.path[-1] == pytest.approx(AWAY, abs=0.01)
    person.arm()
    ros.wait_for(lambda: person.from_home < 0.03, what="the arm to get home")
    # At a fifth of the speed, as long as it was measured (every second or so, so that noise counts little).
    steps = np.diff(np.stack(person.path[::50]), axis=0) / (np.diff(person.stamps[::50]) / 1e9)[:, None]
    assert np.max(np.abs(steps) / np.array(ARM.velocity_limits)) < 0.9

    person.sees_motion(0.05)
    assert person.call("simulated_arm/emergency_stop", True).success
    person.disarmed()
    person.sees_no_motion()
    assert person.call("simulated_arm/emergency_stop", False).success
    person.sees_no_motion()
    person.arm()
    said = said_by(explorer)
    assert explorer.returncode == 0, said
    assert "disarmed: the arm does not move: panda_joint" in said
    assert "Look for an emergency stop or an inactive controller" in said


def test_an_arm_whose_controller_has_another_name_is_commanded_by_that_name(ros, start_node):
    arm = load_arm("ur5e")
    assert arm.command_topic != topics.COMMAND
    person = Watcher(ros, ros.node("person"), arm)
    start_node("simulated_arm", {"arm": "ur5e"})
    remap = f"{topics.COMMAND}:={arm.command_topic}"  # as the launch file does
    start_node("explorer", REAL | {"arm": "ur5e"}, "-r", remap)
    person.arm()


def test_it_publishes_where_the_file_of_its_arm_says(ros, start_node, tmp_path):
    file = tmp_path / "mine.yaml"
    values = yaml.safe_load(share("sim/arms/ur5e.yaml").read_text())
    file.write_text(yaml.safe_dump(values | {"joint_states_topic": "driver/joint_states"}))
    node, heard = ros.node("listener"), []
    node.create_subscription(JointState, "driver/joint_states", heard.append, 10)
    states = []
    state = "scaled_joint_trajectory_controller/controller_state"
    node.create_subscription(JointTrajectoryControllerState, state, states.append, 10)
    start_node("simulated_arm", {"arm": file})
    ros.wait_for(lambda: heard and states, what="joint states and the controller's state")
    assert tuple(heard[0].name) == tuple(states[0].joint_names) == load_arm("ur5e").joints


def test_frozen_and_missing_joint_states_and_a_killed_driver_disarm_it(ros, person, start_node):
    arm = start_node("simulated_arm")
    explorer = start_node("explorer", REAL | {"joint_timeout_s": MISSED_S})
    for fault in ("freeze", "silence"):
        person.arm()
        assert person.call(f"simulated_arm/{fault}", True).success
        person.disarmed()
        person.waits_for("joint states")  # "no joint states", or "waiting for newer joint states"
        assert not person.call("explorer/arm", True).success
        assert person.call(f"simulated_arm/{fault}", False).success
        person.waits_for("not armed")
        person.sees_no_motion()
    person.arm()
    arm.send_signal(signal.SIGKILL)
    person.disarmed()
    assert "disarmed: there are no joint states" in said_by(explorer)


def test_a_restarted_controller_gets_no_command_until_the_arm_is_armed_again(ros, person, start_node):
    start_node("simulated_arm")
    explorer = start_node("explorer", REAL | {"controller": "/joint_trajectory_controller"})
    person.arm()
    assert person.call("simulated_arm/restart_controller").success
    person.disarmed()
    person.waits_for("not armed")
    person.sees_no_motion()
    person.arm()
    assert "disarmed: /joint_trajectory_controller" in said_by(explorer)  # aborted the goal, or is gone


@pytest.mark.slow
def test_with_late_and_lost_messages_it_explores_on_within_its_limits(ros, person, start_node):
    faults = {
        "action": False,
        "latency_s": 0.05,
        "jitter_s": 0.03,
        "lost_commands": 0.2,
        "lost_states": 0.2,
        "noise_rad": 0.0,
    }
    start_node("simulated_arm", faults)
    explorer = start_node("explorer", REAL | {"armed": True})
    person.sees_motion()
    ros.spin(8.0)
    person.sees_motion()
    path, seconds = np.stack(person.path), np.diff(person.stamps) / 1e9
    apart = seconds > 0.005
    speeds = np.abs(np.diff(path, axis=0))[apart] / seconds[apart, None]
    assert np.all(speeds <= np.array(ARM.velocity_limits) * 1.05)
    assert np.all((path >= ARM.position_limits[:, 0] - 0.02) & (path <= ARM.position_limits[:, 1] + 0.02))
    low, high = ARM.box_limits.T
    tips = ARM.chain().forward(path[::5])[:, :3]
    # After a lost command the arm brakes, then moves to the next one on a path that nobody planned (docs/safety.md).
    assert np.all((tips >= low - 0.08) & (tips <= high + 0.08))
    assert "disarmed" not in said_by(explorer).replace("disarmed: the explorer exits", "")


@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_a_message_of_a_foot_switch_stops_and_disarms_it(ros, person, start_node, reliability):
    start_node("simulated_arm")
    explorer = start_node("explorer", REAL)
    person.arm()
    switch = person.node.create_publisher(Empty, topics.STOP_NOW, QoSProfile(depth=1, reliability=reliability))
    ros.wait_for(lambda: switch.get_subscription_count() > 0, what="the explorer's subscription")

    def stopped() -> bool:
        switch.publish(Empty())  # again and again, as a switch that is held down: one best-effort message may be lost
        return "stopped" in person.said

    ros.wait_for(stopped, timeout_s=PATIENCE_S, what="the explorer to say that it is stopped")
    person.disarmed()
    person.sees_no_motion()
    assert "disarmed: a message came on explorer/stop_now" in said_by(explorer)


def test_an_arm_beyond_its_limits_is_not_moved(ros, person, start_node):
    beyond = np.add(ARM.home, (1.2, 0, 0, 0, 0, 0, 0)).tolist()
    start_node("simulated_arm", {"start": beyond, "noise_rad": 0.0})
    ros.wait_for(lambda: person.path, what="joint states")  # before the explorer, which ends at once
    explorer = start_node("explorer", REAL | {"armed": True})
    ros.wait_for(lambda: explorer.poll() is not None, what="the explorer to end")
    assert explorer.returncode == 1
    assert "joint panda_joint1 is at 1.200 rad" in explorer.communicate()[0]
    assert np.ptp(np.stack(person.path), axis=0).max() < 0.01
