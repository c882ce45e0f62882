"""How fast online training runs: by the settings of the machine's share, and by the frames that come in."""

from __future__ import annotations

import threading
import time

from aassl_ros.learning.online.rate_limiter import RateLimiter
from aassl_ros.learning.online.settings import OnlineSettings
from aassl_ros.learning.online.time_shares import ACTIVITIES, FRAMES, PAUSE, REST, TimeShares

# How often a waiting thread checks for a stop, a pause and new settings, s.
POLL_S = 0.05
# Waiting this long for frames is said; shorter waits come between updates.
_LONG_S = 2.0


class Pace:
    """Belongs to the training thread; `limiter.may_keep` and `shares` may be used by others.

    Attributes:
        settings: those in force; they may be replaced at any time.
        limiter: bounds the replay ratio.
        shares: of the time of the thread, for each of ACTIVITIES.
    """

    def __init__(self, settings: OnlineSettings) -> None:
        self.settings = settings
        self.limiter = RateLimiter(settings.max_replay_ratio, settings.min_replay_ratio)
        self.shares = TimeShares(ACTIVITIES, FRAMES)
        self._waits_since: float | None = None

    def adjust(self, settings: OnlineSettings) -> None:
        """Use new settings from now on, also for a wait that has begun."""
        self.settings = settings
        bounds = settings.max_replay_ratio, settings.min_replay_ratio
        if bounds != (self.limiter.maximum, self.limiter.minimum):
            self.limiter.set_bounds(*bounds)

    def may_update(self, pairs: int, appended: int, held: int) -> bool:
        """Return whether an update may be made now. If not, the thread waits for frames."""
        if self.limiter.may_draw(pairs, appended, held):
            self._waits_since = None
            return True
        self.shares.begin(FRAMES)
        if self._waits_since is None:
            self._waits_since = time.monotonic()
        return False

    @property
    def waiting(self) -> str:
        """Why there has been no update for some time; empty if there was one."""
        since = self._waits_since
        if since is None or time.monotonic() - since < _LONG_S:
            return ""
        return (
            f"new frames: those in the buffer were drawn {self.limiter.maximum:g} times on average (max_replay_ratio). "
            "Does the robot stand still?"
        )

    @property
    def behind(self) -> str:
        """A warning that training is slower than `min_replay_ratio` asks; empty if it keeps up."""
        ratio = self.limiter.ratio()
        if not self.limiter.minimum or ratio is None or ratio >= self.limiter.minimum or not self.limiter.left_out:
            return ""
        return (
            f"training draws {ratio:.3g} pairs for each frame, expected at least min_replay_ratio = "
            f"{self.limiter.minimum:g}: {self.limiter.left_out} frames were left out. Lower it, or make updates faster "
            "(trainable, image_size, batch)."
        )

    def pause(self, stopping: threading.Event) -> None:
        """Wait a moment of a pause. Frames that came meanwhile are no debt of training."""
        self.shares.begin(PAUSE)
        self.limiter.forgive()
        stopping.wait(POLL_S)

    def rest(self, worked_s: float, stopping: threading.Event) -> None:
        """Wait for as long as `duty` and `updates_per_second` ask after an update that took `worked_s`."""
        self.shares.begin(REST)
        begun = time.monotonic()
        # In short waits, because the settings may change meanwhile.
        while (left_s := begun + self._rest_s(worked_s) - time.monotonic()) > 0:
            if stopping.wait(min(left_s, POLL_S)):
                return

    def _rest_s(self, worked_s: float) -> float:
        rest_s = worked_s * (1 / self.settings.duty - 1)
        if self.settings.updates_per_second > 0:
            rest_s = max(rest_s, 1 / self.settings.updates_per_second - worked_s)
        return rest_s
