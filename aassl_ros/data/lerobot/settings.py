"""The settings and the report of `aassl bag export --to lerobot`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from aassl_ros.data.lerobot.video_writer import CODECS
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ExportSettings:
    """Settings of the export. An empty topic is taken from the bag's session, else found by its type."""

    fps: int = setting(0, "Rows per second; 0: the rate of the first camera", minimum=0, maximum=1000)
    camera: tuple[str, ...] = setting((), "Cameras, by name or image topic; the first one sets the rows; empty: all")
    joint_states: tuple[str, ...] = setting((), "Topics of the joint states; several are merged by joint name")
    command: tuple[str, ...] = setting((), "Topics of the commanded trajectories, one for each joint group")
    episode: str = setting("", "Topic of the episode events; a bag without events is one episode")
    video: tuple[str, ...] = setting((), "Video of a camera that is not in the bag, as CAMERA=FILE or "
                                     "CAMERA=FILE:STAMPS; empty: those beside the bag")  # fmt: skip
    task: str = setting(
        "Handle the {category}.", "Text of the task; {category} and {instance} are those of the episode"
    )
    repo_id: str = setting("", "Name of the dataset, as USER/NAME; empty: the name of the folder")
    codec: str = setting("h264", "Format of the videos", choices=lambda: tuple(CODECS))
    quality: int = setting(0, "The codec's crf: smaller is better and larger; 0: its default", minimum=0, maximum=63)
    max_fill: int = setting(
        5, "Longest gap in rows that is filled by repeating a picture; a longer one ends the LeRobot episode",
        minimum=0, maximum=10_000,
    )  # fmt: skip
    max_bracket_s: float = setting(
        0.0, "Largest time between two joint states for interpolation, s; 0: that of the recording, else 0.1",
        minimum=0.0, maximum=10.0,
    )  # fmt: skip
    threads: int = setting(0, "Threads of each camera's encoder; 0: the cores shared by the cameras",
                           minimum=0, maximum=64)  # fmt: skip


@dataclass
class ExportCounts:
    """What became of the frames. rows: the rows written. filled: of these, those that repeat the first camera's frame.

    left_out: frames of the first camera that are in no row, by reason. unreadable: pictures that cannot be decoded;
    their rows show the picture before.
    """

    rows: int = 0
    filled: int = 0
    episodes: int = 0
    split: int = 0
    uncommanded: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    messages_refused: Counter[str] = field(default_factory=Counter)

    def add(self, other: ExportCounts) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True)
class ExportReport:
    """The result of an export."""

    path: Path
    repo_id: str
    fps: int
    cameras: tuple[str, ...]
    joints: tuple[str, ...]
    bags: tuple[str, ...]
    counts: ExportCounts
    notes: tuple[str, ...] = ()

    @property
    def lossy(self) -> bool:
        """Whether pictures or messages could not be read."""
        return bool(self.counts.unreadable or self.counts.messages_refused)

    def to_json(self) -> dict[str, Any]:
        counts = asdict(self.counts)
        return {**asdict(self), "path": str(self.path), "counts": {**counts}, "lossy": self.lossy}

    def lines(self) -> list[str]:
        """The report as text."""
        counts = self.counts
        found = [
            f"{self.path}: {counts.rows} rows in {counts.episodes} episodes at {self.fps} Hz, "
            f"{len(self.cameras)} cameras, {len(self.joints)} joints, from {len(self.bags)} bags"
        ]
        if counts.filled:
            found.append(f"  {counts.filled} rows repeat a picture, because none was captured (column filled)")
        if counts.split:
            found.append(f"  {counts.split} episodes end at a gap and go on in the next one")
        if counts.uncommanded:
            found.append(f"  {counts.uncommanded} rows without a command (column commanded is 0)")
        found += [f"  left out: {number} frames, {why}" for why, number in counts.left_out.items()]
        found += [f"  unreadable: {number} pictures, {why}" for why, number in counts.unreadable.items()]
        found += [f"  rejected: {number} messages of {topic}" for topic, number in counts.messages_refused.items()]
        return [*found, *(f"  note: {note}" for note in self.notes)]
