"""The goals of a simulated controller: which are rejected, and how the others end."""

from __future__ import annotations

import numpy as np

from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.goals import ABORTED, CANCELED, INVALID_GOAL, PATH_TOLERANCE_VIOLATED, SUCCEEDED
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.sim.goal_follower import Ending, GoalFollower
from aassl_ros.sim.simulated_arm import SimulatedArm, SimulatedArmSettings

ARM = load_arm("panda")
MS = 1_000_000
PERFECT = SimulatedArmSettings(latency_s=0.0, jitter_s=0.0, lag_s=0.0, noise_rad=0.0, lost_commands=1.0)


def turn(start_ms: int, joints: tuple[str, ...] = ARM.joints) -> Trajectory:
    """The last joint turns within a second."""
    home = np.array(ARM.home[: len(joints)])
    target = home + np.eye(len(joints))[-1] * 0.3
    stamps = np.array([0, 1000 * MS])
    return Trajectory(joints, start_ms * MS, stamps, np.stack([home, target]), np.zeros((2, len(joints))))


class Stage:
    """A controller and its arm, from time 0 on."""

    def __init__(self, settings: SimulatedArmSettings = PERFECT) -> None:
        self.body = SimulatedArm(ARM, settings, 0)
        self.follower = GoalFollower(ARM.joints, self.body, path_tolerance=0.05)
        self.now_ms = 0

    def run(self, until_ms: int) -> list[Ending]:
        ended = []
        while self.now_ms < until_ms:
            self.now_ms += 5
            self.body.advance(self.now_ms * MS)
            ended += self.follower.advance(self.now_ms * MS)
        return ended

    def begin(self, goal: bytes) -> None:
        self.follower.begin(goal, turn(self.now_ms), self.now_ms * MS)

    def turned(self) -> float:
        return float(self.body.position[6] - ARM.home[6])


def test_a_goal_is_followed_though_all_commands_on_the_topic_are_lost_and_it_succeeds_at_its_end():
    stage = Stage()
    stage.begin(b"a")
    assert stage.run(900) == []
    assert stage.run(1100) == [Ending(b"a", SUCCEEDED, 0, "Goal successfully reached!")]
    assert abs(stage.turned() - 0.3) < 1e-6
    assert stage.run(1500) == []


def test_a_new_goal_ends_the_one_before_as_jazzy_does():
    stage = Stage()
    stage.begin(b"a")
    stage.run(100)
    stage.begin(b"b")
    (ended,) = stage.run(200)
    assert (ended.goal, ended.status, ended.code) == (b"a", ABORTED, INVALID_GOAL)
    assert "preempted" in ended.text


def test_goals_are_rejected_with_the_reason():
    stage = Stage()
    assert stage.follower.refusal(turn(0), 0) == ""
    assert stage.follower.refusal(turn(0, ARM.joints[:3]), 0).startswith("it names panda_joint1, panda_joint2, ")
    assert "expected exactly" in stage.follower.refusal(turn(0, ("elbow", *ARM.joints[1:])), 0)
    assert stage.follower.refusal(turn(1), 1002 * MS) == "it ends in the past"
    stage.body.press_stop(True)
    assert stage.follower.refusal(turn(0), 0) == "the emergency stop is pressed"
    stage.body.press_stop(False)
    stage.follower.active = False
    assert stage.follower.refusal(turn(0), 0) == "the controller is not active"


def test_an_arm_that_lags_too_far_behind_aborts_its_goal_and_brakes():
    stage = Stage(SimulatedArmSettings(lag_s=10.0, latency_s=0.0, jitter_s=0.0))
    stage.begin(b"a")
    (ended,) = stage.run(1500)
    assert (ended.status, ended.code) == (ABORTED, PATH_TOLERANCE_VIOLATED)
    assert ended.text.startswith("panda_joint7 is 0.05")
    assert float(stage.body.reference[6] - ARM.home[6]) < 0.2


def test_a_canceled_and_an_aborted_goal_end_once_and_a_cancelled_arm_brakes():
    stage = Stage()
    stage.begin(b"a")
    stage.run(500)
    stage.follower.cancel(b"another")
    stage.follower.cancel(b"a")
    assert [(one.goal, one.status) for one in stage.run(2000)] == [(b"a", CANCELED)]
    assert stage.turned() < 0.2
    stage.begin(b"b")
    stage.follower.abort("the emergency stop was pressed")
    stage.follower.abort("again")
    assert [(one.goal, one.status, one.text) for one in stage.run(2100)] == [
        (b"b", ABORTED, "the emergency stop was pressed")
    ]
