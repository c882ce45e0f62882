"""Keeps the replay ratio between two bounds: how many pairs training draws for each frame that the buffer keeps.

If training is faster than the robot brings frames, it waits, so that it does not overfit the frames of a robot that
stands still. If it is slower, frames are left out, so that each kept one is used often enough.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

# So many frames may be kept before training must keep up: a few seconds, so that short stops leave no gaps.
_ROOM = 100.0
# The measured ratio is that of about this time.
_WINDOW_S = 60.0


class RateLimiter:
    """Two token buckets. One thread draws pairs, another keeps frames.

    A frame may be drawn `maximum` times on average: each new frame gives as many pairs to draw. Unused ones are saved,
    but for no more frames than the buffer holds. With a `minimum`, each update gives room for pairs / minimum frames.

    Args:
        maximum: most pairs drawn for each kept frame; 0: no bound.
        minimum: fewest pairs drawn for each kept frame; 0: no bound.
        clock: seconds, for the measured ratio.
    """

    def __init__(self, maximum: float, minimum: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._maximum, self._minimum = maximum, minimum
        self._unused = 0.0  # frames whose pairs have not been drawn
        self._seen = 0  # frames that the buffer had kept at the last look
        self._begun = False
        self._room = _ROOM
        self._drawn = self._offered = 0
        self.left_out = 0
        """Number of frames that were not kept because of `minimum`."""
        self._marks: deque[tuple[float, int, int]] = deque([(clock(), 0, 0)])

    def set_bounds(self, maximum: float, minimum: float) -> None:
        """Use other bounds from now on."""
        with self._lock:
            self._maximum, self._minimum = maximum, minimum
            self._room = _ROOM

    def may_draw(self, pairs: int, appended: int, held: int) -> bool:
        """Return whether an update may be made now.

        Args:
            pairs: how many it draws.
            appended: frames that the buffer has kept so far.
            held: frames that it holds now.
        """
        with self._lock:
            new = appended - self._seen if self._begun else held
            self._seen, self._begun = appended, True
            if self._maximum == 0:
                self._unused = 0.0  # if a bound is set later, only new frames count
                return True
            # At least the frames of one update, or a small buffer would never have enough.
            self._unused = min(self._unused + new, max(float(held), pairs / self._maximum))
            return self._unused * self._maximum >= pairs * (1 - 1e-9)

    def drew(self, pairs: int) -> None:
        """Count the pairs of an update."""
        with self._lock:
            self._drawn += pairs
            if self._maximum:
                self._unused = max(0.0, self._unused - pairs / self._maximum)
            if self._minimum:
                most = max(_ROOM, pairs / self._minimum)
                self._room = min(most, self._room + pairs / self._minimum)

    def may_keep(self) -> bool:
        """Return whether the next frame may be kept. Before the first update, every frame may."""
        with self._lock:
            self._offered += 1
            if self._minimum == 0 or self._drawn == 0:
                return True
            if self._room < 1:
                self.left_out += 1
                return False
            self._room -= 1
            return True

    def forgive(self) -> None:
        """Forget what training has not drawn, after a pause for example."""
        with self._lock:
            self._room = max(self._room, _ROOM)

    @property
    def maximum(self) -> float:
        """The upper bound; 0: none."""
        return self._maximum

    @property
    def minimum(self) -> float:
        """The lower bound; 0: none."""
        return self._minimum

    def ratio(self) -> float | None:
        """Pairs drawn for each frame that came in the last minute, kept or left out; None if no frame came.

        Call it about once a second.
        """
        with self._lock:
            now = self._clock()
            while len(self._marks) > 1 and now - self._marks[1][0] >= _WINDOW_S:
                self._marks.popleft()
            _, drawn, offered = self._marks[0]
            if now > self._marks[-1][0]:
                self._marks.append((now, self._drawn, self._offered))
            frames = self._offered - offered
            return (self._drawn - drawn) / frames if frames else None
