"""The facts of a recording session: robot, arm, and the topic of each role.

Readers find topics by these roles and never by topic names.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import SESSION
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import BagError


@dataclass(frozen=True)
class Roles:
    """The absolute topic name of each role. cameras: camera name -> image topic; commands: joint group -> topic."""

    cameras: dict[str, str]
    joint_states: str
    commands: dict[str, str] = field(default_factory=dict)
    episode: str = ""
    object_pose: str = ""
    joint_truth: str = ""
    robot_description: str = ""


@dataclass(frozen=True)
class Session:
    """The facts of a recording, which every bag starts with.

    namespace: namespace of the recorder's own topics. joint_groups: group -> joint names. settings: parameters of the
    recorder. versions: program -> version. started_ns: start time by the recorder's clock, ns.
    """

    robot: str
    arm: str
    base_link: str
    tip_link: str
    roles: Roles
    namespace: str = "/"
    joint_groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    started_ns: int = 0

    def topic(self, name: str) -> str:
        """The absolute name of one of the recorder's own topics (session, ledger, samples)."""
        return f"{self.namespace.rstrip('/')}/{name}"

    def started(self, time_ns: int) -> Session:
        """A copy of this session with that start time."""
        return replace(self, started_ns=time_ns)

    def to_json(self) -> str:
        """One JSON object, with the name of its schema."""
        return SESSION.encode(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Session:
        """Read a session from JSON. Raises BagError if it is damaged or of a newer version."""
        try:
            values = SESSION.decode(text)
        except JsonMessageError as error:
            raise BagError(f"The session of the bag cannot be read: {error}") from error
        roles = Roles(**values.pop("roles"))
        groups = {name: tuple(joints) for name, joints in values.pop("joint_groups").items()}
        return cls(roles=roles, joint_groups=groups, **values)
