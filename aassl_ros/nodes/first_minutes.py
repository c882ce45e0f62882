"""Log lines of the trainer until its first checkpoint: received topics, start of training, progress."""

from __future__ import annotations

from collections.abc import Sequence

from aassl_ros.learning.online.status import OnlineStatus

_EVERY_S = 30.0


class FirstMinutes:
    """Make lines for the log. Times are in seconds of any steady clock.

    needed: topics that training needs. Each report names those without any message.
    """

    def __init__(self, needed: Sequence[str], now_s: float) -> None:
        self._needed = tuple(needed)
        self._heard: set[str] = set()
        self._reported_s = now_s
        self._begun = False

    def hear(self, topic: str) -> list[str]:
        """Return the log lines for a message on a topic: one for the first message, then none."""
        if topic in self._heard:
            return []
        self._heard.add(topic)
        return [f"receiving {topic}."]

    def report(self, status: OnlineStatus, frames: int, episodes: int, now_s: float) -> list[str]:
        """Return the log lines for now: the start of training, then progress until the first checkpoint.

        Progress is logged every half minute. frames, episodes: numbers in the replay buffer.
        """
        lines = []
        if status.state == "learning" and not self._begun:
            self._begun = True
            lines.append(f"training started with {frames} frames of {episodes} episodes.")
            if status.depth is not None:
                lines.append(f"{status.depth}.")
            if status.action:
                lines.append(f"the action is {status.action}.")
        if status.saved is None and status.state != "failed" and now_s - self._reported_s >= _EVERY_S:
            self._reported_s = now_s
            silent = [topic for topic in self._needed if topic not in self._heard]
            missing = f" No message yet on: {', '.join(silent)}." if silent else ""
            lines.append(f"{status.line}; step {status.step}, no checkpoint yet.{missing}")
        return lines
