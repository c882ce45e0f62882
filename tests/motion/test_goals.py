"""What a controller answers to the goals that it was sent, and what of it means that the arm does not follow."""

from __future__ import annotations

import pytest

from aassl_ros.motion.goals import (
    ABORTED,
    CANCELED,
    GOAL_TOLERANCE_VIOLATED,
    INVALID_GOAL,
    INVALID_JOINTS,
    PATH_TOLERANCE_VIOLATED,
    SUCCEEDED,
    SentGoals,
)


def accepted(goals: SentGoals) -> int:
    number = goals.send()
    assert goals.answer(number, accepted=True) == ""
    return number


def test_a_goal_that_is_reached_and_a_goal_that_a_newer_one_replaces_are_no_problem():
    goals = SentGoals()
    first, second = accepted(goals), accepted(goals)
    assert goals.end(first, ABORTED, INVALID_GOAL, "Current goal preempted by new incoming action.") == ""
    third = accepted(goals)
    assert goals.end(second, CANCELED, 0, "") == ""  # as Humble ends it
    assert goals.end(third, SUCCEEDED, 0, "Goal successfully reached!") == ""


def test_a_rejected_goal_is_told_with_where_to_look():
    goals = SentGoals()
    told = goals.answer(goals.send(), accepted=False)
    assert told.startswith("rejected the trajectory. Its log says why")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("status", "code", "text", "line"),
    [
        (ABORTED, PATH_TOLERANCE_VIOLATED, "elbow is\nlate.",
         "aborted the trajectory (PATH_TOLERANCE_VIOLATED: elbow is late). Look for what holds the arm back"),
        (ABORTED, INVALID_JOINTS, "", "aborted the trajectory (INVALID_JOINTS). Compare its joints"),
        (CANCELED, 0, "", "canceled the trajectory (without a reason). Look for an emergency stop"),
        (0, 0, "", "ended with status 0 (without a reason). Look for"),
    ],
)  # fmt: skip
def test_a_goal_that_ends_early_is_told_with_code_reason_and_what_to_do(status, code, text, line):
    goals = SentGoals()
    assert goals.end(accepted(goals), status, code, text).startswith(line)


def test_a_replaced_goal_that_the_arm_did_not_follow_is_a_problem_all_the_same():
    for code in (PATH_TOLERANCE_VIOLATED, GOAL_TOLERANCE_VIOLATED):
        goals = SentGoals()
        first = accepted(goals)
        accepted(goals)
        assert "TOLERANCE_VIOLATED" in goals.end(first, ABORTED, code, "")


def test_one_problem_is_told_once_and_the_next_goals_are_judged_anew():
    goals = SentGoals()
    first, second = accepted(goals), goals.send()
    assert goals.end(first, ABORTED, PATH_TOLERANCE_VIOLATED, "")
    assert goals.answer(second, accepted=False) == ""  # it was on its way already
    stop = goals.send()
    assert goals.answer(stop, accepted=False)


def test_it_knows_how_many_goals_were_not_answered():
    goals = SentGoals()
    first, second = goals.send(), goals.send()
    assert goals.unanswered == 2
    goals.answer(first, accepted=True)
    goals.answer(second, accepted=False)
    assert goals.unanswered == 0
