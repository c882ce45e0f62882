"""The settings and the report of `aassl prepare`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.roles import NamedTopics
from aassl_ros.data.readers.registry import LAYOUTS
from aassl_ros.settings import setting

# The recorder computes samples with the same class from the same messages, so a larger difference is a fault.
AGREEMENT = 1e-9
_SYNC = ("max_bracket_s", "joint_publisher", "frame_stamp_offset_s", "joint_stamp_offset_s", "command_stamp_offset_s")
_LISTS = ("bags", "folders", "notes")


@dataclass(frozen=True)
class PrepareSettings:
    """Settings of prepare. An empty topic is taken from the bag's session, else found by its type."""

    image_size: int = setting(64, "Width and height of the prepared frames, pixels", minimum=8, maximum=1024)
    camera: str = setting("", "Name of the camera in the session, or its image topic")
    joint_states: tuple[str, ...] = setting((), "Topics of the joint states; several are merged by joint name")
    command: tuple[str, ...] = setting((), "Topics of the commands, one for each joint group: TOPIC or GROUP:TOPIC")
    command_joints: tuple[str, ...] = setting((), "Joints of a group whose commands are a Float64MultiArray, in order, "
                                              "each as GROUP:JOINT")  # fmt: skip
    episode: str = setting("", "Topic of the episode events")
    object_pose: str = setting("", "Topic of the object's pose in the camera's frame")
    max_bracket_s: float = setting(0.0, "Largest time between two joint states for interpolation, s; 0: that of the "
                                   "recording, else 0.1", minimum=0.0, maximum=10.0)  # fmt: skip
    joint_publisher: int = setting(0, "If publishers of the same joints are mixed: take the first (1), the second (2) "
                                   "and so on; 0: as recorded", minimum=0, maximum=8)  # fmt: skip
    frame_stamp_offset_s: float = setting(0.0, "Added to the stamps of frames, s; 0: as recorded",
                                          minimum=-1e10, maximum=1e10)  # fmt: skip
    joint_stamp_offset_s: float = setting(0.0, "Added to the stamps of joint states, s; 0: as recorded",
                                          minimum=-1e10, maximum=1e10)  # fmt: skip
    command_stamp_offset_s: float = setting(0.0, "Added to the stamps of commands, s; 0: as recorded",
                                            minimum=-1e10, maximum=1e10)  # fmt: skip
    base_link: str = setting("", "Base link of the arm in the robot description")
    tip_link: str = setting("", "Link in the robot description that carries the object")
    video: tuple[str, ...] = setting((), "Video of a camera that is not in the bag, as CAMERA=FILE or "
                                     "CAMERA=FILE:STAMPS (docs/lerobot.md); empty: those beside the bag")  # fmt: skip
    continuous_joints: tuple[str, ...] = setting((), "Joints of picture folders whose angle wraps (for bags the robot "
                                                 "description tells this)")  # fmt: skip
    layout: str = setting("", "Layout of the sources: folders (CATEGORY/OBJECT/*.jpg), or that of a published data "
                          "set, such as rt4k, mvimgnet or co3d; empty: detected",
                          choices=lambda: ("", *LAYOUTS))  # fmt: skip
    angle_from_name: str = setting("", "Regular expression with one group: the angle of a turntable in degrees in the "
                                   "file names of photographs in folders, such as 'img_([0-9]+)'")  # fmt: skip
    skip_unreadable: bool = setting(False, "Skip files that are not pictures, and continue")
    workers: int = setting(0, "Number of processes that read bags, and of threads that decode pictures; 0: one per "
                           "core", minimum=0, maximum=256)  # fmt: skip

    def named_topics(self) -> NamedTopics:
        """The topics that the user names."""
        return NamedTopics(**{topic.name: getattr(self, topic.name) for topic in fields(NamedTopics)})

    def sync_changes(self) -> dict[str, float]:
        """The settings of the synchronization that differ from those of the recording."""
        return {name: value for name in _SYNC if (value := getattr(self, name))}

    def stored(self) -> dict[str, Any]:
        """The settings that are stored with the data. They do not depend on `workers`, so it is stored as 0."""
        return {**asdict(self), "workers": 0}

    def key(self) -> dict[str, Any]:
        """The settings on which the prepared data depend.

        Settings that came later are included only if they are used, so that older data keep their fingerprint.
        """
        later = {"command_joints", "video", "continuous_joints", "skip_unreadable", "angle_from_name", *_SYNC}
        known = {name: value for name, value in asdict(self).items() if name not in ("workers", "layout")}
        for name in ("joint_states", "command"):  # were one topic each, when older data were prepared
            if len(known[name]) < 2:
                known[name] = "".join(known[name])
        return {name: value for name, value in known.items() if name not in later or value}


@dataclass(frozen=True)
class PrepareReport:
    """What was prepared. already_there: the folder already contained the data of these sources, so nothing was done.

    image_size: width and height of the frames, pixels; 0 in the reports of older data.
    pictures: number of files in picture folders. unreadable: number of those that are not pictures.
    largest_difference: between computed and recorded samples, rad; None if the bags contain no samples.
    """

    path: Path | str
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
    publishers_mixed: bool = False
    image_size: int = 0

    @property
    def lossy(self) -> bool:
        """Whether frames or messages could not be used, or samples differ from the recorded ones."""
        differences = (self.largest_difference or 0.0, self.largest_command_difference or 0.0)
        lost = self.unusable or self.messages_refused or self.samples_not_recorded or self.unreadable
        lost = lost or self.publishers_mixed
        return bool(lost or max(differences) > AGREEMENT)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), **{name: list(getattr(self, name)) for name in _LISTS}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, path: Path | str, already_there: bool) -> PrepareReport:
        lists = {name: tuple(values[name]) for name in _LISTS if name in values}  # older data have no folders
        return cls(**{**values, **lists, "path": path, "already_there": already_there})
