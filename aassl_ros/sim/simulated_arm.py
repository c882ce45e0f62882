"""An arm behind a trajectory controller, with the faults of a real one. No PyBullet, no ROS: only its joints.

The time is that of the caller, in ns, and never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import ConfigError
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.trajectory import CommandInForce, Trajectory
from aassl_ros.settings import setting
from aassl_ros.sim.servo import Setpoint

Array = NDArray[np.float64]
_T = TypeVar("_T")

# A longer pause of the caller is simulated as one of this length, in steps of at most that one.
_LONGEST_PAUSE_S, _LONGEST_STEP_S = 0.05, 0.005


@dataclass(frozen=True)
class SimulatedArmSettings:
    """How a simulated arm deviates from a perfect one."""

    latency_s: float = setting(
        0.01, "delay of each command and of each joint state on its way, s", minimum=0.0, maximum=10.0
    )
    jitter_s: float = setting(0.005, "largest additional, random delay, s", minimum=0.0, maximum=10.0)
    lost_commands: float = setting(0.0, "fraction of the commands on the topic that are lost", minimum=0.0, maximum=1.0)
    lost_states: float = setting(0.0, "fraction of the joint states that are lost", minimum=0.0, maximum=1.0)
    lag_s: float = setting(
        0.03, "following error: time constant with which the joints follow the controller, s", minimum=0.0, maximum=10.0
    )
    noise_rad: float = setting(
        0.0005, "noise of the measured positions, standard deviation, rad", minimum=0.0, maximum=0.1
    )
    path_tolerance: float = setting(
        0.5,
        "a goal is aborted if a joint is this far from what the controller asks, rad; 0: never",
        minimum=0.0,
        maximum=10.0,
    )
    start: tuple[float, ...] = setting((), "joint positions at the start, rad [J]; empty: home")
    seed: int = setting(0, "seed of jitter, losses and noise", minimum=0)


class UnreliableLink(Generic[_T]):
    """A connection that delays, and sometimes loses, what is sent. What arrives keeps its order."""

    def __init__(self, latency_s: float, jitter_s: float, lost: float, rng: np.random.Generator) -> None:
        """lost: fraction that is lost."""
        self._latency_ns, self._jitter_ns, self._lost, self._rng = latency_s * 1e9, jitter_s * 1e9, lost, rng
        self._waiting: deque[tuple[int, _T]] = deque()

    def send(self, item: _T, now_ns: int, *, surely: bool = False) -> None:
        """Send something. surely: it is not lost."""
        if self._rng.uniform() < self._lost and not surely:
            return
        due = now_ns + round(self._latency_ns + self._jitter_ns * self._rng.uniform())
        self._waiting.append((max(due, self._waiting[-1][0]) if self._waiting else due, item))

    def arrivals(self, now_ns: int) -> Iterator[_T]:
        """Yield what has arrived by now, each thing once."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            yield self._waiting.popleft()[1]


class SimulatedArm:
    """The joints of an arm and their trajectory controller. All arrays are float64 [J], in rad.

    stopped: whether the emergency stop is pressed. rng: of all that is random about the arm.
    """

    def __init__(self, arm: Arm, settings: SimulatedArmSettings, now_ns: int) -> None:
        """Raises ConfigError if the start has another number of joints."""
        start = np.array(settings.start or arm.home, dtype=np.float64)
        if len(start) != len(arm.joints):
            raise ConfigError(f"start has {len(start)} values, expected {len(arm.joints)}: one for each joint.")
        self._arm, self._settings = arm, settings
        self.rng = np.random.default_rng(settings.seed)
        self._link: UnreliableLink[Trajectory] = UnreliableLink(
            settings.latency_s, settings.jitter_s, settings.lost_commands, self.rng
        )
        self._command = CommandInForce(arm.joints)
        # Wide enough that the arm follows every trajectory within the limits of its file, and a jump only as fast.
        self._setpoint = Setpoint(
            start,
            arm.position_limits + np.array([-np.pi, np.pi]),
            np.array(arm.velocity_limits),
            np.array(arm.acceleration_limits) * 1.05,
        )
        self._joints, self._now_ns = start.copy(), now_ns
        self.stopped = False

    @property
    def reference(self) -> Array:
        """Position that the controller asks of the joints."""
        return self._setpoint.position.copy()

    @property
    def position(self) -> Array:
        """True positions of the joints."""
        return self._joints.copy()

    def measure(self) -> Array:
        """Positions of the joints with the noise of the encoders."""
        noisy: Array = self._joints + self.rng.normal(0.0, self._settings.noise_rad, len(self._joints))
        return noisy

    def command(self, trajectory: Trajectory, now_ns: int, *, surely: bool = False) -> None:
        """Send a trajectory to the controller. Raises TrajectoryError if it names an unknown joint.

        surely: it is never lost, as the goal of an action.
        """
        CommandInForce(self._arm.joints).add(trajectory, receipt_ns=now_ns)  # checks it
        self._link.send(trajectory, now_ns, surely=surely)

    def press_stop(self, pressed: bool) -> None:
        """Press or release the emergency stop. Pressed, it brakes and drops commands; released, the arm still holds."""
        self.stopped = pressed
        self.reset_controller()

    def reset_controller(self) -> None:
        """Drop all commands. The arm brakes and holds its position."""
        self._command.clear()

    def advance(self, now_ns: int) -> None:
        """Move up to the present time."""
        for trajectory in self._link.arrivals(now_ns):
            if not self.stopped:
                self._command.add(trajectory, receipt_ns=now_ns)
        seconds = min((now_ns - self._now_ns) / 1e9, _LONGEST_PAUSE_S)
        self._now_ns = now_ns
        steps = int(np.ceil(seconds / _LONGEST_STEP_S))
        for step in range(steps):
            left_s = seconds * (1 - (step + 1) / steps)
            self._step(now_ns - round(left_s * 1e9), seconds / steps)
        self._command.forget_before(now_ns - 1_000_000_000)

    def _step(self, now_ns: int, seconds: float) -> None:
        # A joint without a command is NaN: it brakes and stays where it then is.
        self._setpoint.advance(self._command.at(now_ns), self._command.velocity_at(now_ns), seconds)
        share = 1.0 if self._settings.lag_s == 0 else 1 - np.exp(-seconds / self._settings.lag_s)
        self._joints = self._joints + share * (self._setpoint.position - self._joints)
