"""Plans short motions that show the held object from many sides. Each ends at rest and stays within all limits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion import rotations
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.jerk_limits import JerkLimits
from aassl_ros.motion.kinematics import Chain
from aassl_ros.motion.limits import MotionLimits
from aassl_ros.motion.primitives import ExplorationSettings, HomePrimitive, Primitive, View, draw_primitive
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

Array = NDArray[np.float64]
Times = NDArray[np.int64]

_STEP_NS = 50_000_000
# The longest trajectory. If the explorer dies, the arm moves no longer than this.
HORIZON_NS = 1_000_000_000
# How many primitives are tried for one plan if the plan would leave the box or move the object out of the picture.
_ATTEMPTS = 5
# How far beyond `sway` (m) and `tilt_deg` (rad) the object may move while it is turned fast: about half an object.
_STRAY_M = 0.02
_STRAY_RAD = 0.2
_SAMPLE_NS = 10_000_000
# Margin for the motion between two samples of the box check. Between two samples within the box, a tip that accelerates
# with 100 m/s^2 gets no further than 100 * 0.01^2 / 8 m = 1.25 mm out of it.
_BOX_MARGIN_M = 0.002
# An arm this close to home (rad) and this slow (rad/s) goes the rest of the way in one trajectory of so many steps.
_NEAR_HOME, _SLOW, _LAST_STEPS = 0.02, 0.1, 10
_HOME_TOLERANCE = 1e-6
# How far beyond a limit an arm that stopped at the limit may measure, rad.
_START_TOLERANCE = 0.01


class _State(NamedTuple):
    """A commanded state of J joints: position [J], rad; velocity [J], rad/s; acceleration [J], rad/s^2."""

    position: Array
    velocity: Array
    acceleration: Array

    @classmethod
    def of(cls, position: Array, velocity: Array, acceleration: Array | None) -> _State:
        return cls(position, velocity, np.zeros_like(velocity) if acceleration is None else acceleration)


def motion_limits(arm: Arm, speed: float) -> MotionLimits:
    """The limits of an arm at this fraction of its speed limits, with its limits of jerk if it has any."""
    limits = (arm.position_limits, np.array(arm.velocity_limits) * speed, np.array(arm.acceleration_limits))
    if not arm.jerk_limits:
        return MotionLimits(*limits, _STEP_NS * 1e-9)
    return JerkLimits(*limits, _STEP_NS * 1e-9, np.array(arm.jerk_limits))


class ExplorationPlanner:
    """Makes plans for one arm. The same generator and the same calls give the same plans.

    A plan moves the arm, then brakes. The caller asks for the next plan at `replan_at_ns`, before the braking starts,
    so that the motion is continuous. A plan that is not replaced ends at rest within HORIZON_NS.

    pace: fraction of the speed limits that the next plans use. It may rise while the arm moves.
    """

    def __init__(self, arm: Arm, chain: Chain, settings: ExplorationSettings, rng: np.random.Generator) -> None:
        self._arm, self._chain, self._settings, self._rng = arm, chain, settings, rng
        self.limits = motion_limits(arm, settings.speed)
        self.pace = 1.0
        moving_ns = HORIZON_NS - round(self.limits.braking_s * 1e9)
        self._steps = moving_ns // _STEP_NS
        if self._steps < 2:
            raise TrajectoryError(
                f"arm {arm.name!r} needs {self.limits.braking_s:.2g} s to brake, expected less than "
                f"{HORIZON_NS * 1e-9:g} s. Raise acceleration_limits and jerk_limits, or lower the speed."
            )
        self.replan_ns = int(self._steps // 2) * _STEP_NS
        home = np.array(arm.home)
        self._home = View.of(chain, home, np.array(arm.object_offset[:3]))
        self._primitive: Primitive | None = None
        self._plan: Trajectory | None = None
        self.replan_at_ns = 0

    def check_start(self, position: Array) -> None:
        """Check that the arm may start at rest from this position [J], rad. Raises TrajectoryError if it may not."""
        for name, value, (low, high) in zip(self._arm.joints, position, self._arm.position_limits, strict=True):
            if not low - _START_TOLERANCE <= value <= high + _START_TOLERANCE:
                raise TrajectoryError(
                    f"joint {name} is at {value:.3f} rad, expected {low:.3f} to {high:.3f}. Move the arm near its home."
                )
        if not self._inside_box(position[None]):
            found = ", ".join(f"{value:.3f}" for value in self._chain.forward(position)[:3])
            box = ", ".join(f"{value:g}" for value in self._arm.box)
            raise TrajectoryError(
                f"the tip is at {found} m, expected within the box {box}. Move the arm near its home."
            )

    def next(self, now_ns: int, position: Array, velocity: Array, acceleration: Array | None = None) -> Trajectory:
        """The plan that starts now, from the commanded state of the arm.

        position, velocity, acceleration: [J], rad, rad/s and rad/s^2; acceleration None: 0.
        """
        start = _State.of(position, velocity, acceleration)
        best: tuple[float, Primitive, Trajectory] | None = None
        primitive = self._primitive
        for _ in range(_ATTEMPTS):
            if primitive is None or primitive.over(position):
                primitive = draw_primitive(self._arm, self._home, self._settings, position, self._rng)
            plan = self._follow(primitive.copy(), now_ns, start)
            samples = self._sample(plan)
            if self._inside_box(samples):
                excess = self._excess(samples)
                if best is None or excess < best[0]:
                    best = (excess, primitive, plan)
                if excess <= 1:
                    break
            primitive = None
        if best is None:
            self._primitive = None
            return self._keep(self._rest_of_plan(now_ns, start), self.replan_ns)
        _, self._primitive, plan = best
        # Only the part up to the next replanning will be executed.
        self._primitive.advance(self.replan_ns * 1e-9)
        return self._keep(plan, int(plan.times_ns[self._steps // 2]))

    def return_home(
        self, now_ns: int, position: Array, velocity: Array, acceleration: Array | None = None
    ) -> Trajectory:
        """The next plan on the way to the home position. Call again, as with `next`, until `is_home` is true."""
        self._primitive = None
        start, home = _State.of(position, velocity, acceleration), np.array(self._arm.home)
        if np.max(np.abs(position - home)) <= _NEAR_HOME and np.max(np.abs(velocity)) <= _SLOW:
            way = self.limits.slowed(self.pace).reach(*start, home, _LAST_STEPS)
            last = None if way is None else _trajectory(self._arm, now_ns, [start], *way)
            if last is not None and self._inside_box(self._sample(last)):
                return self._keep(last, last.duration_ns)
        plan = self._follow(HomePrimitive(self._arm), now_ns, start)
        if not self._inside_box(self._sample(plan)):
            return self._keep(self._rest_of_plan(now_ns, start), self.replan_ns)
        return self._keep(plan, int(plan.times_ns[self._steps // 2]))

    def is_home(self, position: Array, velocity: Array) -> bool:
        """Whether the arm is at home and at rest."""
        state = np.concatenate([position - np.array(self._arm.home), velocity])
        return bool(np.max(np.abs(state)) <= _HOME_TOLERANCE)

    def stop(self, now_ns: int, position: Array, velocity: Array, acceleration: Array | None = None) -> Trajectory:
        """The fastest stop from a state (position [J], rad; velocity [J], rad/s; acceleration [J], rad/s^2; None: 0).

        If the arm would leave its box or its limits by stopping at once, it follows its plan to the first point from
        which it would not. The plan itself ends at rest.
        """
        self._primitive = None
        start = _State.of(position, velocity, acceleration)
        stop = self._braked(now_ns, [start])
        if not self._may_stop(start, stop) and (rest := self._rest_in_force(now_ns, start)) is not None:
            stop = self._stop_later(rest)
        return self._keep(stop, stop.duration_ns)

    def _stop_later(self, rest: Trajectory) -> Trajectory:
        """A stop from the first point of a plan from which the arm may stop; the plan itself, if there is none."""
        for points in range(1, len(rest.times_ns)):
            way = _states(rest, points + 1)
            stop = self._braked(rest.stamp_ns, way, rest.times_ns[1 : points + 1])
            if self._may_stop(way[-1], stop):
                return stop
        return rest

    def _may_stop(self, start: _State, stop: Trajectory) -> bool:
        return self.limits.hold(*start) and self._inside_box(self._sample(stop))

    def _keep(self, plan: Trajectory, lasts_ns: int) -> Trajectory:
        self._plan = plan
        self.replan_at_ns = plan.stamp_ns + lasts_ns
        return plan

    def _follow(self, primitive: Primitive, now_ns: int, start: _State) -> Trajectory:
        limits = self.limits.slowed(self.pace)
        way, times = self._lead(now_ns, start)
        for _ in range(int(self._steps) - len(times)):
            here = way[-1]
            wanted = primitive.joint_velocity(View.of(self._chain, here.position, self._home.point), here.position)
            primitive.advance(limits.step_s)
            way.append(_State(*limits.step(*here, wanted)))
        return self._braked(now_ns, way, times)

    def _lead(self, now_ns: int, start: _State) -> tuple[list[_State], Times]:
        """The states before the first step, and the times of all but the first: only the start, at best.

        Stops run in whole steps of a plan. If the start lies between two points of a plan near a limit, a stop from
        there would not end in time: then the plan is followed to its next point.
        """
        none = np.zeros(0, np.int64)
        if self.limits.hold(*start) or (rest := self._rest_in_force(now_ns, start)) is None or len(rest.times_ns) < 2:
            return [start], none
        return _states(rest, 2), rest.times_ns[1:2]

    def _braked(self, now_ns: int, way: list[_State], times: Times | None = None) -> Trajectory:
        """A trajectory through these states, then a stop. times: int64, ns, of the states after the first."""
        return _trajectory(self._arm, now_ns, way, *self.limits.brake(*way[-1]), times)

    def _rest_of_plan(self, now_ns: int, start: _State) -> Trajectory:
        """The rest of the previous plan, which was checked to its end; a stop if the state is not on that plan."""
        rest = self._rest_in_force(now_ns, start)
        return self._braked(now_ns, [start]) if rest is None else rest

    def _rest_in_force(self, now_ns: int, start: _State) -> Trajectory | None:
        plan = self._plan
        if plan is None or plan.velocities is None or plan.stamp_ns > now_ns:
            return None
        command = CommandInForce(self._arm.joints)
        command.add(plan, receipt_ns=plan.stamp_ns)
        left = plan.stamp_ns + plan.times_ns > now_ns
        if not np.allclose(command.at(now_ns), start.position, atol=1e-6):
            return None
        times = np.concatenate([[0], plan.stamp_ns + plan.times_ns[left] - now_ns])
        positions = np.concatenate([start.position[None], plan.positions[left]])
        velocities = np.concatenate([start.velocity[None], plan.velocities[left]])
        return Trajectory(plan.joint_names, now_ns, times, positions, velocities)

    def _sample(self, plan: Trajectory) -> Array:
        """Joint positions [S, J] of the plan, sampled densely enough for the checks."""
        command = CommandInForce(self._arm.joints)
        command.add(plan, receipt_ns=plan.stamp_ns)
        stamps = range(plan.stamp_ns, plan.stamp_ns + plan.duration_ns + 1, _SAMPLE_NS)
        return np.stack([command.at(stamp) for stamp in stamps])

    def _excess(self, positions: Array) -> float:
        """Worst excursion of the object on a path [S, J]. Above 1 the object leaves the picture or gets hidden."""
        tips = self._chain.forward(positions)
        places = tips[:, :3] + rotations.rotate(tips[:, 3:], self._home.point)
        away = np.linalg.norm(places - self._home.place, axis=-1)
        tilt = np.arccos(np.clip(rotations.to_matrix(tips[:, 3:])[:, :, 2] @ self._home.rotation[:, 2], -1, 1))
        allowed_tilt = np.radians(self._settings.tilt_deg) + _STRAY_RAD
        return float(max(away.max() / (self._settings.sway + _STRAY_M), tilt.max() / allowed_tilt))

    def _inside_box(self, positions: Array) -> bool:
        tips = self._chain.forward(positions)[..., :3]
        low, high = self._arm.box_limits.T
        return bool(np.all(tips >= low + _BOX_MARGIN_M) and np.all(tips <= high - _BOX_MARGIN_M))


def _trajectory(
    arm: Arm, now_ns: int, way: list[_State], positions: Array, velocities: Array, times: Times | None = None
) -> Trajectory:
    """A trajectory through states, then through further positions and velocities [P, J], in steps of _STEP_NS.

    times: int64, of the first states after the start, if these are at other times.
    """
    given = np.concatenate([[0], [] if times is None else times]).astype(np.int64)
    count = np.arange(1, len(way) + len(positions) - len(given) + 1)
    return Trajectory(
        arm.joints,
        now_ns,
        np.concatenate([given, given[-1] + count * _STEP_NS]),
        np.concatenate([np.stack([state.position for state in way]), positions]),
        np.concatenate([np.stack([state.velocity for state in way]), velocities]),
    )


def _states(plan: Trajectory, count: int) -> list[_State]:
    """The states at the first points of a plan."""
    command = CommandInForce(plan.joint_names)
    command.add(plan, receipt_ns=plan.stamp_ns)
    return [
        _State(command.at(stamp), command.velocity_at(stamp), command.acceleration_at(stamp))
        for stamp in (plan.stamp_ns + int(time) for time in plan.times_ns[:count])
    ]
