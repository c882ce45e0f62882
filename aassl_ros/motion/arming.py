"""Decides whether an arm may move. The simulator's arm always may; a real arm may from arming until it is disarmed."""

from __future__ import annotations

from dataclasses import dataclass, field

Controllers = frozenset["Controller"]


@dataclass(frozen=True)
class Controller:
    """A subscriber that acts on trajectories.

    name: name of its node. identity: id of its subscription; it changes if the node restarts. simulated: whether it
    is part of our simulator.
    """

    name: str
    identity: bytes
    simulated: bool = field(default=False, compare=False)


class Arming:
    """Allows motion for exactly the controllers that were present when the arm was armed.

    trust_simulator: no arming is needed if only our simulator listens. at_start: arm once, without a request, as soon
    as everything is ready, unless `disarm` is called before.
    """

    def __init__(self, *, trust_simulator: bool, at_start: bool) -> None:
        self._trust_simulator = trust_simulator
        self._at_start = at_start
        self._armed_for: Controllers | None = None

    @property
    def armed(self) -> bool:
        """Whether the arm is armed: it was armed and has not been disarmed since."""
        return self._armed_for is not None

    def needed(self, controllers: Controllers) -> bool:
        """Whether these controllers need arming, because one of them may move a real arm."""
        return not self._trust_simulator or any(not controller.simulated for controller in controllers)

    def allows(self, controllers: Controllers) -> bool:
        """Whether a command may be sent to these controllers."""
        return self._armed_for == controllers if self.needed(controllers) else True

    def arm(self, controllers: Controllers) -> None:
        """Allow motion for these controllers and no others."""
        self._armed_for = controllers

    def arm_at_start(self, controllers: Controllers) -> bool:
        """Arm if `at_start` was set and this is the first call. Returns whether it armed."""
        asked, self._at_start = self._at_start, False
        if asked:
            self.arm(controllers)
        return asked

    def disarm(self) -> bool:
        """Forbid motion until `arm` is called. Returns whether the arm was armed before."""
        was, self._armed_for, self._at_start = self.armed, None, False
        return was

    def change(self, controllers: Controllers) -> str:
        """Text that says which controllers changed since arming; empty if none did."""
        before = self._armed_for
        if before is None:  # only the simulator may be moved
            before = frozenset(controller for controller in controllers if controller.simulated)
        come = sorted({controller.name for controller in controllers - before})
        gone = sorted({controller.name for controller in before - controllers})
        if come and come == gone:
            return f"{', '.join(come)} was restarted"
        parts = [f"{', '.join(come)} now listens"] if come else []
        parts += [f"{', '.join(gone)} no longer listens"] if gone else []
        return " and ".join(parts)
