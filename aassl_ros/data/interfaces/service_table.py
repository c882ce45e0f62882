"""Every service: type, the node that offers it, what it does. `aassl call` and docs/topics.md are made from it."""

from __future__ import annotations

from dataclasses import dataclass

TRIGGER = "std_srvs/srv/Trigger"
SET_BOOL = "std_srvs/srv/SetBool"


@dataclass(frozen=True)
class ServiceRow:
    """One service. name: relative; default: the value that `aassl call` sends if none is given, None: it is required.

    default means nothing for a Trigger, which takes no value.
    """

    name: str
    type: str
    what: str
    default: bool | None = None

    @property
    def node(self) -> str:
        """The node that offers it."""
        return self.name.split("/")[0]


SERVICES = (
    ServiceRow("explorer/arm", SET_BOOL,
               "arm the explorer, so that a real arm moves (false: stop the arm and disarm the explorer)", True),
    ServiceRow("explorer/next", TRIGGER, "confirm that the object is in the gripper and continue"),
    ServiceRow("explorer/stop", TRIGGER, "stop the arm"),
    ServiceRow("recorder/split", TRIGGER, "close the bag and continue in another one (NAME_1, NAME_2)"),
    ServiceRow("recorder/trigger", TRIGGER, "with pre_record_s: write the last seconds and record from now on"),
    ServiceRow("simulated_arm/emergency_stop", SET_BOOL, "press the emergency stop (false: release it)", True),
    ServiceRow("simulated_arm/freeze", SET_BOOL, "repeat the same joint state (false: publish new ones)", True),
    ServiceRow("simulated_arm/silence", SET_BOOL, "publish no joint states (false: publish them)", True),
    ServiceRow("simulated_arm/restart_controller", TRIGGER, "end the controller and start it again"),
    ServiceRow("trainer/save", TRIGGER, "save a checkpoint now"),
    ServiceRow("trainer/pause", SET_BOOL, "pause training (false: continue)"),
)  # fmt: skip
