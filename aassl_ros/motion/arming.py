"""Whether an arm may move: the simulator's always, a real one from being armed to the first reason not to."""

from __future__ import annotations

from dataclasses import dataclass, field

Controllers = frozenset["Controller"]


@dataclass(frozen=True)
class Controller:
    """A subscriber that acts on trajectories.

    name: of its node. identity: of its subscription, another one after a restart. simulated: part of our simulator.
    """

    name: str
    identity: bytes
    simulated: bool = field(default=False, compare=False)


class Arming:
    """Grants motion for exactly the controllers that were there when the arm was armed.

    trust_simulator: an arm that only our simulator listens for needs no arming. at_start: arm once, without being
    asked, as soon as everything is ready.
    """

    def __init__(self, *, trust_simulator: bool, at_start: bool) -> None:
        self._trust_simulator = trust_simulator
        self._at_start = at_start
        self._armed_for: Controllers | None = None

    @property
    def armed(self) -> bool:
        """Whether the arm was armed, and not disarmed since."""
        return self._armed_for is not None

    def needed(self, controllers: Controllers) -> bool:
        """Whether these controllers move a real arm."""
        return not self._trust_simulator or any(not controller.simulated for controller in controllers)

    def allows(self, controllers: Controllers) -> bool:
        """Whether a command may go out to these controllers."""
        return self._armed_for == controllers if self.needed(controllers) else True

    def arm(self, controllers: Controllers) -> None:
        """Allow motion for these controllers, and no others."""
        self._armed_for = controllers

    def arm_at_start(self, controllers: Controllers) -> bool:
        """Arm once if that was asked for in advance; whether it did. Any later arming has to be asked for."""
        asked, self._at_start = self._at_start, False
        if asked:
            self.arm(controllers)
        return asked

    def disarm(self) -> bool:
        """Forbid motion; whether it was allowed by arming until now."""
        was, self._armed_for = self.armed, None
        return was

    def change(self, controllers: Controllers) -> str:
        """What has changed since the arm was armed, in words; empty: nothing."""
        before = self._armed_for
        if before is None:  # only the simulator may be moved
            before = frozenset(controller for controller in controllers if controller.simulated)
        come = sorted({controller.name for controller in controllers - before})
        gone = sorted({controller.name for controller in before - controllers})
        if come and come == gone:
            return f"{', '.join(come)} was started anew"
        parts = [f"{', '.join(come)} now listens"] if come else []
        parts += [f"{', '.join(gone)} listens no more"] if gone else []
        return " and ".join(parts)
