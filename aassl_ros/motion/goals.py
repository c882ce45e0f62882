"""Follows the goals that were sent to a trajectory controller: which of its answers mean that the arm does not follow.

The numbers are those of action_msgs/GoalStatus and of the result of control_msgs/FollowJointTrajectory.
"""

from __future__ import annotations

SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
SUCCESSFUL, INVALID_GOAL, INVALID_JOINTS, OLD_HEADER_TIMESTAMP, PATH_TOLERANCE_VIOLATED, GOAL_TOLERANCE_VIOLATED = (
    0, -1, -2, -3, -4, -5
)  # fmt: skip

_STATUS = {CANCELED: "canceled the trajectory", ABORTED: "aborted the trajectory"}
_CODES = {
    INVALID_GOAL: "INVALID_GOAL",
    INVALID_JOINTS: "INVALID_JOINTS",
    OLD_HEADER_TIMESTAMP: "OLD_HEADER_TIMESTAMP",
    PATH_TOLERANCE_VIOLATED: "PATH_TOLERANCE_VIOLATED",
    GOAL_TOLERANCE_VIOLATED: "GOAL_TOLERANCE_VIOLATED",
}
_NOT_FOLLOWED = (PATH_TOLERANCE_VIOLATED, GOAL_TOLERANCE_VIOLATED)
_ADVICE = {
    INVALID_JOINTS: "Compare its joints with those of the arm's file",
    OLD_HEADER_TIMESTAMP: "Compare the clocks of its machine and of this one",
    PATH_TOLERANCE_VIOLATED: "Look for what holds the arm back, or set a lower speed or a wider tolerance",
    GOAL_TOLERANCE_VIOLATED: "Look for what holds the arm back, or set a wider tolerance",
}
_OTHER_ADVICE = "Look for an emergency stop, an inactive controller or another sender of goals"


class SentGoals:
    """The goals of one sender, numbered from 1. A new goal replaces the one before, which the controller then ends.

    How a controller ends a replaced goal differs: canceled (Humble) or aborted (Jazzy and later). Neither is a problem.
    """

    def __init__(self) -> None:
        self._newest = 0
        self._told = 0  # the newest goal when a problem was told; its followers are told of again
        self._unanswered: set[int] = set()

    @property
    def unanswered(self) -> int:
        """The number of goals that were neither accepted nor rejected yet."""
        return len(self._unanswered)

    def send(self) -> int:
        """Note that a goal is sent. Returns its number."""
        self._newest += 1
        self._unanswered.add(self._newest)
        return self._newest

    def answer(self, number: int, *, accepted: bool) -> str:
        """Note the answer to a goal. Returns what is wrong and what to do; empty if it was accepted."""
        self._unanswered.discard(number)
        if accepted:
            return ""
        reasons = "it is inactive, its joints are not those of the arm's file, or the trajectory came too late"
        return self._tell(number, f"rejected the trajectory. Its log says why: {reasons}")

    def end(self, number: int, status: int, code: int, text: str) -> str:
        """Note the end of an accepted goal.

        Args:
            number: of the goal.
            status: SUCCEEDED, CANCELED, ABORTED or another of action_msgs/GoalStatus.
            code: error_code of the result.
            text: error_string of the result.

        Returns:
            What is wrong and what to do, in one line; empty if the goal was reached or was replaced by a newer one.
        """
        replaced = number < self._newest and code not in _NOT_FOLLOWED
        if status == SUCCEEDED or replaced:
            return ""
        reason = ": ".join(part for part in (_CODES.get(code, ""), " ".join(text.split()).rstrip(".")) if part)
        how = _STATUS.get(status, f"ended with status {status}")
        return self._tell(number, f"{how} ({reason or 'without a reason'}). {_ADVICE.get(code, _OTHER_ADVICE)}")

    def _tell(self, number: int, line: str) -> str:
        if number <= self._told:  # sent before that problem was known, and ended for the same reason
            return ""
        self._told = self._newest
        return line
