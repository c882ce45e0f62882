"""What the trainer says until its first checkpoint: which streams it hears, when it begins, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from aassl_ros.learning.online.online_trainer import OnlineStatus

_EVERY_S = 30.0


class FirstMinutes:
    """Lines for the log. Times are seconds of any steady clock.

    needed: topics without which nothing is learned; those not heard yet are named in each report.
    """

    def __init__(self, needed: Sequence[str], now_s: float) -> None:
        self._needed = tuple(needed)
        self._heard: set[str] = set()
        self._reported_s = now_s
        self._begun = False

    def hear(self, topic: str) -> list[str]:
        """What to say of a message on a topic: one line at the first, nothing after."""
        if topic in self._heard:
            return []
        self._heard.add(topic)
        return [f"{topic} is heard."]

    def report(self, status: OnlineStatus, frames: int, episodes: int, now_s: float) -> list[str]:
        """What to say now: that learning has begun; each half minute how it goes; nothing after the first checkpoint.

        frames, episodes: how many the trainer remembers.
        """
        lines = []
        if status.state == "learning" and not self._begun:
            self._begun = True
            lines.append(f"learning begins, with {frames} frames of {episodes} episodes.")
        if status.saved is None and status.state != "failed" and now_s - self._reported_s >= _EVERY_S:
            self._reported_s = now_s
            silent = [topic for topic in self._needed if topic not in self._heard]
            missing = f" Not heard yet: {', '.join(silent)}." if silent else ""
            lines.append(f"{status.line}; step {status.step}, no checkpoint yet.{missing}")
        return lines
