"""The recorder with the real simulator: nothing is dropped, and samples agree with the simulator's true states."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from rosgraph_msgs.msg import Clock
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.motion.arms import load_arm

IMAGE, STATE, TRUTH = "/camera/image_raw", "/recorder/sample/camera/joint_state", f"/{topics.JOINT_TRUTH}"
_STEP_S = 0.1


def wave(start_s: float, seconds: float) -> JointTrajectory:
    """All joints swing around home, each with its own frequency; 10 points per second."""
    arm = load_arm("panda")
    message = JointTrajectory(joint_names=list(arm.joints))
    for step in range(1, round(seconds / _STEP_S) + 1):
        phase = (start_s + step * _STEP_S) * (1.0 + 0.2 * np.arange(len(arm.joints)))
        points = np.array(arm.home[: len(arm.joints)]) + 0.2 * np.sin(phase)
        after = Duration(sec=int(step * _STEP_S), nanosec=round(step * _STEP_S % 1 * 1e9))
        message.points.append(JointTrajectoryPoint(positions=points.tolist(), time_from_start=after))
    return message


def positions(reader: BagReader, topic: str) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Stamp -> (positions, velocities), joints in order of their names."""
    found = {}
    for message in reader.messages([topic]):
        state = reader.decode(message)
        order = np.argsort(state.name)
        found[messages.stamp_ns(state.header.stamp)] = (state.position[order], state.velocity[order])
    return found


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_is_dropped_and_samples_are_as_exact_as_a_millisecond_of_motion(
    ros: Any, start_node: Any, tmp_path: Path, seconds: int
) -> None:
    recorder = start_node("recorder", {"bag": tmp_path / "bag", "use_sim_time": True})
    assert "Recording into" in recorder.stdout.readline()
    mover = ros.node("mover")
    commands = mover.create_publisher(JointTrajectory, topics.COMMAND, 10)
    clock: list[float] = []
    mover.create_subscription(
        Clock, "/clock", lambda message: clock.append(message.clock.sec + message.clock.nanosec * 1e-9), 1
    )
    simulator = start_node("simulator", {"object": "mug_0003"})
    ros.wait_for(lambda: commands.get_subscription_count() == 2, timeout_s=120, what="simulator and recorder")
    received = (IMAGE, TRUTH, "/joint_states", topics.ROBOT_DESCRIPTION)
    ros.wait_for(lambda: all(map(mover.count_subscribers, received)), timeout_s=120, what="the recorder on every topic")
    # Simulated seconds: on a busy machine they last longer than ours.
    begun = ros.wait_for(lambda: clock and clock[-1], what="the simulator's clock")
    for second in range(seconds):
        commands.publish(wave(float(second), 1.5))
        ros.wait_for(lambda end=begun + second + 1: clock[-1] >= end, timeout_s=120, what="a simulated second")
    recorder.send_signal(signal.SIGINT)
    said, _ = recorder.communicate(timeout=120)
    assert recorder.returncode == 0, said
    simulator.send_signal(signal.SIGINT)

    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        ledger = reader.ledger
        stamps = [messages.header_stamp_ns(message.data) for message in reader.messages([IMAGE])]
        joints = [messages.header_stamp_ns(message.data) for message in reader.messages(["/joint_states"])]
        samples, truth = positions(reader, STATE), positions(reader, TRUTH)
        described = reader.topics[topics.ABSOLUTE_ROBOT_DESCRIPTION].message_count
    assert ledger is not None
    assert ledger.messages_dropped == 0
    assert len(stamps) >= 30 * seconds - 3
    assert described >= 1
    # Stamps of a camera that never misses a frame: nothing was lost on the way either.
    assert np.ptp(np.diff(stamps)) <= 1
    assert [stamp for stamp in stamps if joints[0] <= stamp <= joints[-1]] == sorted(samples)
    matched = sorted(set(samples) & set(truth))
    assert len(matched) >= len(stamps) - 2
    errors = [np.abs(samples[stamp][0] - truth[stamp][0]).max() for stamp in matched]
    motion = [np.abs(truth[stamp][1]).max() * 1e-3 for stamp in matched]
    assert np.median(motion) > 1e-4  # the arm did move, by more than 0.1 rad/s
    assert np.median(errors) <= np.median(motion)
