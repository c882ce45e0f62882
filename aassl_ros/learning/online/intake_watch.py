"""Says what is wrong with the data that a trainer receives, so that one that starves does not look healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.data.streams.stream_consumer import ANOTHER_SIZE
from aassl_ros.learning.online.buffer_filler import IntakeCounts

# So many seconds without a kept frame are a problem; an explorer takes less time from one object to the next.
_PATIENCE_S = 10.0
_FEWEST_FRAMES = 30
# Ten seconds of frames: longer than an explorer takes between two objects.
_OUTSIDE_FRAMES = 300
_WITHOUT, _BAD = "without sample: ", "bad: "
_NO_EPISODE = (
    "none of {} frames belongs to an episode, so they are not used for training. Mark the object in view: "
    "aassl episode start --instance NAME, or start the explorer."
)
_ANOTHER_SIZE = (
    "frames have another size than the first frame of an episode. They are not used (the diagnostics count them). Set "
    "the camera to its first resolution, or deactivate and activate the trainer."
)
_SET_BACK = (
    "the clock was set back, for example by a restarted simulator. Frames kept so far stay in the buffer; the episodes "
    "announced before are over, so mark the object in view again."
)


@dataclass
class IntakeWatch:
    """Looks at the counts of a BufferFiller again and again. `since_s`: begin of the present window."""

    since_s: float | None = None
    _then: Mapping[str, Any] = field(default_factory=dict)
    _problem: str = ""
    _said: set[str] = field(default_factory=set)
    _restarts: int = 0

    def warnings(self, counts: IntakeCounts, clock_restarts: int) -> list[str]:
        """Return new warnings for the log: each once, and one each time that the clock was set back."""
        found = []
        if counts.outside_episodes >= _OUTSIDE_FRAMES and not (counts.kept or counts.left_alone):
            found.append(_NO_EPISODE.format(counts.outside_episodes))
        if counts.bad[ANOTHER_SIZE]:
            found.append(_ANOTHER_SIZE)
        found = [text for text in found if text[:20] not in self._said]
        self._said |= {text[:20] for text in found}
        if clock_restarts > self._restarts:
            self._restarts = clock_restarts
            found.append(_SET_BACK)
        return found

    def look(self, now_s: float, report: Mapping[str, Any]) -> str:
        """Return the present problem, or "".

        Args:
            now_s: by a steady clock.
            report: `BufferFiller.report()`.
        """
        if self.since_s is None or report["frames_kept"] > self._then["frames_kept"]:
            self._begin(now_s, report)
            self._problem = ""
        elif now_s - self.since_s > _PATIENCE_S:
            self._problem = self._reason(now_s - self.since_s, report)
            self._begin(now_s, report)
        return self._problem

    def _begin(self, now_s: float, report: Mapping[str, Any]) -> None:
        self.since_s, self._then = now_s, dict(report)

    def _reason(self, seconds: float, report: Mapping[str, Any]) -> str:
        def more(name: str) -> int:
            return int(report.get(name, 0)) - int(self._then.get(name, 0))

        frames = more("frames_received")
        if frames < _FEWEST_FRAMES:
            return ""  # the camera is silent
        causes = {name.partition(": ")[2]: more(name) for name in report if name.startswith((_WITHOUT, _BAD))}
        said = [f"{cause} ({count})" for cause, count in sorted(causes.items(), key=lambda one: -one[1]) if count > 0]
        if sum(count for count in causes.values() if count > 0) < frames / 2:
            return ""  # most are outside episodes: nothing is being handled
        dropped = more("joint_states_dropped")
        joints = f" {dropped} joint states were dropped: are they finite, and do their stamps rise?" if dropped else ""
        return f"none of {frames} frames in {seconds:.0f} s was kept: {', '.join(said)}.{joints}"
