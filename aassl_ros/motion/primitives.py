"""Motion primitives of exploration, each a second or two long: wrist turns, joint babbling and hand orbits.

Every primitive keeps the object near its place while it turns. Joint velocities are projected onto those that do not
move the object's centre, and a proportional controller moves the centre to the primitive's goal. So the object can
fill the camera's picture.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion import rotations
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.kinematics import Chain
from aassl_ros.settings import setting

Array = NDArray[np.float64]

# Gain of the controller that moves the object's centre to its goal, 1/s, and its maximum speed, m/s.
_POINT_GAIN, _POINT_SPEED = 4.0, 0.2
# Gain of turns toward their target, 1/s.
_TURN_GAIN = 5.0
# Gain with which joints that no primitive moves return home, 1/s. Without it the elbow drifts to its limits.
_HOME_GAIN = 0.8
# The same for an arm that is sent home, 1/s.
_HOMING_GAIN = 2.0
# Speed of the other joints on their way home while the wrist turns, rad/s.
_DRIFT_SPEED = 0.3
# A joint this close to its target has arrived, rad.
_ARRIVED = 0.25
# Damping of the pseudo-inverse, for m and rad alike: without it joints would move very fast near a singular pose.
_DAMPING = 0.05
_SHORTEST_S, _LONGEST_S = 0.8, 1.8


@dataclass(frozen=True)
class ExplorationSettings:
    """How fast and how far the arm moves, and how often it uses each kind of primitive."""

    speed: float = setting(0.9, "fraction of the arm's joint speed limits that is used", minimum=0.05, maximum=1.0)
    turn_speed_deg: float = setting(
        110.0, "how fast hand orbits turn the object, degrees/s", minimum=1.0, maximum=360.0
    )
    tilt_deg: float = setting(50.0, "largest tilt of the hand from home, degrees", minimum=0.0, maximum=120.0)
    sway: float = setting(0.02, "largest distance of the object from its place at home, m", minimum=0.0, maximum=0.5)
    wrist_share: float = setting(0.4, "relative frequency of wrist turns", minimum=0.0, maximum=1.0)
    babble_share: float = setting(
        0.3, "relative frequency of joint babbling (each joint moves to a random target)", minimum=0.0, maximum=1.0
    )
    orbit_share: float = setting(0.3, "relative frequency of hand orbits", minimum=0.0, maximum=1.0)


@dataclass(frozen=True, eq=False)
class View:
    """The hand at one time: `place` [3] of the object's centre, the tip's rotation [3, 3], and the Jacobian [6, J].

    place and rotation are in the base frame, m. point: [3], the object's centre in the tip's frame, m.
    """

    point: Array
    place: Array
    rotation: Array
    jacobian: Array

    @classmethod
    def of(cls, chain: Chain, position: Array, point: Array) -> View:
        """The hand if the arm is at these joint positions [J], rad."""
        return cls(point, *chain.point_jacobian(position, point))


class Primitive(Protocol):
    """A short motion that gives the wanted joint velocity at each time."""

    def over(self, position: Array) -> bool:
        """Whether its time is up, or it has nothing more to do for an arm at this position [J], rad."""

    def joint_velocity(self, view: View, position: Array) -> Array:
        """Wanted joint velocities [J], rad/s, for an arm at this position [J], rad."""

    def advance(self, seconds: float) -> None:
        """Move forward in time."""

    def copy(self) -> Primitive:
        """A copy at the same time; advancing it does not change this one."""


class _Timed:
    """A primitive of limited duration."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds
        self._since_s = 0.0

    def over(self, position: Array) -> bool:
        return self._left_s <= 0

    def advance(self, seconds: float) -> None:
        self._left_s -= seconds
        self._since_s += seconds

    def copy(self) -> Primitive:
        return copy.copy(self)  # type: ignore[return-value]


class JointPrimitive(_Timed):
    """Moves joints towards targets while the object's centre moves to `goal`: wrist turns and babbling."""

    def __init__(self, targets: Array, speeds: Array, goal: Array, seconds: float) -> None:
        """targets: [J], rad; speeds: [J], rad/s, maximum speed of each joint; goal: [3], m, in the base frame."""
        super().__init__(seconds)
        self._targets, self._speeds, self._goal = targets, speeds, goal

    def over(self, position: Array) -> bool:
        fast = self._speeds > _DRIFT_SPEED
        arrived = np.abs(self._targets - position) < _ARRIVED
        return super().over(position) or bool(np.all(arrived[fast]))

    def joint_velocity(self, view: View, position: Array) -> Array:
        wanted = np.clip(_TURN_GAIN * (self._targets - position), -self._speeds, self._speeds)
        return _keeping_point(view, wanted, self._goal)


class OrbitPrimitive(_Timed):
    """Moves the hand's axis along a cone about its direction at home, with a roll, while the object stays at `goal`."""

    def __init__(self, home: View, orbit: _Orbit, arm_home: Array, goal: Array, seconds: float) -> None:
        super().__init__(seconds)
        self._home, self._orbit, self._arm_home, self._goal = home, orbit, arm_home, goal

    def joint_velocity(self, view: View, position: Array) -> Array:
        target = self._home.rotation @ self._orbit.rotation(self._since_s)
        error = rotations.to_rotation_vector(rotations.from_matrix(target @ view.rotation.T))
        turn = _at_most(_TURN_GAIN * error, self._orbit.speed)
        asked = np.concatenate([_to_goal(view, self._goal), turn])
        inverse = _pseudo_inverse(view.jacobian)
        spare = _HOME_GAIN * (self._arm_home - position)
        return inverse @ asked + spare - inverse @ (view.jacobian @ spare)


class HomePrimitive(_Timed):
    """Moves each joint directly home. The object may leave its place on the way."""

    def __init__(self, arm: Arm) -> None:
        super().__init__(np.inf)
        self._targets = np.array(arm.home)

    def joint_velocity(self, view: View, position: Array) -> Array:
        return _HOMING_GAIN * (self._targets - position)


@dataclass(frozen=True)
class _Orbit:
    """Motion of the hand's axis along a cone. tilt, roll, phase in rad; speed in rad/s; sense: +1 or -1, direction."""

    tilt: float
    roll: float
    phase: float
    sense: float
    speed: float

    def rotation(self, since_s: float) -> Array:
        """The hand's rotation [3, 3] relative to home, `since_s` seconds after the start."""
        # The axis moves at sin(tilt) times the speed of the phase, so a narrow cone allows a faster phase.
        pace = self.speed / max(np.sin(self.tilt), 0.5)
        phase = self.phase + self.sense * pace * since_s
        tilt = np.array([np.cos(phase), np.sin(phase), 0.0]) * self.tilt
        roll = np.array([0.0, 0.0, self.roll])
        turn = rotations.multiply(rotations.from_rotation_vector(tilt), rotations.from_rotation_vector(roll))
        return rotations.to_matrix(turn)


def draw_primitive(
    arm: Arm, home: View, settings: ExplorationSettings, position: Array, rng: np.random.Generator
) -> Primitive:
    """Draw the next primitive for an arm at this position [J], rad."""
    kind = _draw_kind(settings, rng)
    seconds = float(rng.uniform(_SHORTEST_S, _LONGEST_S))
    goal = home.place + _inside_ball(rng) * settings.sway
    low, high = arm.position_limits.T
    middle = np.array(arm.home)
    if kind == "orbit":
        orbit = _Orbit(
            tilt=np.radians(settings.tilt_deg) * float(rng.uniform(0.3, 1.0)),
            roll=float(rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 2.5)),
            phase=float(rng.uniform(0, 2 * np.pi)),
            sense=float(rng.choice([-1.0, 1.0])),
            speed=np.radians(settings.turn_speed_deg) * float(rng.uniform(0.6, 1.0)),
        )
        return OrbitPrimitive(home, orbit, middle, goal, seconds)
    fastest = np.array(arm.velocity_limits) * settings.speed
    if kind == "babble":
        targets = rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low))
        return JointPrimitive(targets, fastest * rng.uniform(0.3, 1.0, len(fastest)), goal, seconds)
    # A wrist joint turns more often towards the limit that is farther away, so it is rarely at a limit.
    wrist = list(arm.wrist_indices)
    upward = rng.uniform(size=len(wrist)) < ((high - position) / (high - low))[wrist]
    targets, speeds = middle.copy(), np.full(len(middle), _DRIFT_SPEED)
    targets[wrist] = np.where(upward, high[wrist], low[wrist])
    speeds[wrist] = fastest[wrist] * rng.uniform(0.5, 1.0, len(wrist))
    return JointPrimitive(targets, speeds, goal, seconds)


def _draw_kind(settings: ExplorationSettings, rng: np.random.Generator) -> str:
    kinds = ("wrist", "babble", "orbit")
    weights = np.array([settings.wrist_share, settings.babble_share, settings.orbit_share])
    return str(rng.choice(kinds, p=weights / weights.sum())) if weights.sum() > 0 else "babble"


def _keeping_point(view: View, wanted: Array, goal: Array) -> Array:
    """The joint velocity nearest to the wanted one that moves the object's centre only towards its goal."""
    jacobian = view.jacobian[:3]
    return wanted + _pseudo_inverse(jacobian) @ (_to_goal(view, goal) - jacobian @ wanted)


def _to_goal(view: View, goal: Array) -> Array:
    return _at_most(_POINT_GAIN * (goal - view.place), _POINT_SPEED)


def _at_most(vector: Array, length: float) -> Array:
    return vector * min(1.0, length / max(float(np.linalg.norm(vector)), 1e-9))


def _pseudo_inverse(jacobian: Array) -> Array:
    square = jacobian @ jacobian.T + _DAMPING**2 * np.eye(len(jacobian))
    inverse: Array = np.asarray(np.linalg.solve(square, jacobian).T, dtype=np.float64)
    return inverse


def _inside_ball(rng: np.random.Generator) -> Array:
    direction = rng.standard_normal(3)
    return direction / np.linalg.norm(direction) * float(rng.uniform()) ** (1 / 3)
