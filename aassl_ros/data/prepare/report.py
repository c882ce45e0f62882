"""What is asked of `aassl prepare`, and what it says it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.roles import NamedTopics
from aassl_ros.data.readers.registry import LAYOUTS
from aassl_ros.settings import setting

# Samples are computed by the recorder's own class from the same messages: anything above rounding is a fault.
AGREEMENT = 1e-9
_LISTS = ("bags", "folders", "notes")


@dataclass(frozen=True)
class PrepareSettings:
    """What is taken from sources; a topic left empty is found by the bag's session, else by its type."""

    image_size: int = setting(64, "Side of the prepared frames, pixels", minimum=8, maximum=1024)
    camera: str = setting("", "Camera's name in the session, or its image topic")
    joint_states: str = setting("", "Topic of the joint states")
    command: str = setting("", "Topic of the commanded trajectories")
    episode: str = setting("", "Topic of the episode events")
    object_pose: str = setting("", "Topic of the object's pose in the camera's frame")
    base_link: str = setting("", "Link of the robot description that the arm stands on")
    tip_link: str = setting("", "Link of the robot description that holds the object")
    continuous_joints: tuple[str, ...] = setting((), "Joints of picture folders whose angle wraps; a bag's robot "
                                                 "description says it itself")  # fmt: skip
    layout: str = setting("", "Published layout of the sources: rt4k, mvimgnet or co3d; empty: found by what is there",
                          choices=lambda: ("", *LAYOUTS))  # fmt: skip
    skip_unreadable: bool = setting(False, "Leave out files that hold no picture, and go on")
    workers: int = setting(0, "Threads that decode pictures; 0: one a core", minimum=0, maximum=256)

    def named_topics(self) -> NamedTopics:
        return NamedTopics(**{topic.name: getattr(self, topic.name) for topic in fields(NamedTopics)})

    def key(self) -> dict[str, Any]:
        """What the prepared data depend on, beside the sources' content as it was read. Settings that bags know nothing
        of count only where they are used.
        """
        later = {"continuous_joints", "skip_unreadable"}
        known = {name: value for name, value in asdict(self).items() if name not in ("workers", "layout")}
        return {name: value for name, value in known.items() if name not in later or value}


@dataclass(frozen=True)
class PrepareReport:
    """What was prepared. already_there: the folder held these sources' data, nothing was done.

    pictures: files of the picture folders; unreadable: those of them that held none.
    largest_difference: of computed samples to the recorder's, rad; None where the bags hold no samples of a recorder.
    """

    path: Path
    already_there: bool
    bags: tuple[str, ...]
    episodes: int
    frames_in_bags: int
    frames: int
    outside_episodes: int
    without_sample: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, int] = field(default_factory=dict)
    messages_refused: dict[str, int] = field(default_factory=dict)
    frames_of_set: dict[str, int] = field(default_factory=dict)
    largest_difference: float | None = None
    largest_command_difference: float | None = None
    samples_not_recorded: int = 0
    notes: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    pictures: int = 0
    unreadable: int = 0

    @property
    def lossy(self) -> bool:
        """Whether frames or messages could not be used, or samples differ from the recorder's."""
        differences = (self.largest_difference or 0.0, self.largest_command_difference or 0.0)
        lost = self.unusable or self.messages_refused or self.samples_not_recorded or self.unreadable
        return bool(lost or max(differences) > AGREEMENT)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), **{name: list(getattr(self, name)) for name in _LISTS}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, path: Path, already_there: bool) -> PrepareReport:
        lists = {name: tuple(values[name]) for name in _LISTS if name in values}  # older data know no folders
        return cls(**{**values, **lists, "path": path, "already_there": already_there})
