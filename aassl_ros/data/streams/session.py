"""The facts of a recording session: which robot and arm, and which topic plays which role.

Readers go by these roles, never by the names of topics.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import SESSION
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import BagError


@dataclass(frozen=True)
class Roles:
    """Role -> topic, by its absolute name. cameras: camera's name -> image topic; commands: joint group -> topic."""

    cameras: dict[str, str]
    joint_states: str
    commands: dict[str, str] = field(default_factory=dict)
    episode: str = ""
    object_pose: str = ""
    joint_truth: str = ""
    robot_description: str = ""


@dataclass(frozen=True)
class Session:
    """What stands first in every bag.

    namespace: of the recorder, under which its own topics lie. joint_groups: group -> joint names. settings: the
    recorder's own. versions: program -> version. started_ns: by the node's clock.
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
        """This session as begun at that time."""
        return replace(self, started_ns=time_ns)

    def to_json(self) -> str:
        """One JSON object, with the name of its schema."""
        return SESSION.encode(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Session:
        """Read it back. Raises BagError where it is damaged or of a newer version."""
        try:
            values = SESSION.decode(text)
        except JsonMessageError as error:
            raise BagError(f"The session of the bag cannot be read: {error}") from error
        roles = Roles(**values.pop("roles"))
        groups = {name: tuple(joints) for name, joints in values.pop("joint_groups").items()}
        return cls(roles=roles, joint_groups=groups, **values)
