"""Plans short motions that show the held object from many sides. Each ends at rest and stays within all limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import TrajectoryError
from aassl_ros.motion import rotations
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.kinematics import Chain
from aassl_ros.motion.limits import MotionLimits
from aassl_ros.motion.primitives import ExplorationSettings, HomePrimitive, Primitive, View, draw_primitive
from aassl_ros.motion.trajectory import CommandInForce, Trajectory

Array = NDArray[np.float64]

_STEP_NS = 50_000_000
# The longest trajectory. If the explorer dies, the arm moves no longer than this.
HORIZON_NS = 1_000_000_000
# How many primitives are tried for one plan if the plan would leave the box or move the object out of the picture.
_ATTEMPTS = 5
# How far beyond `sway` (m) and `tilt_deg` (rad) the object may move while it is turned fast: about half an object.
_STRAY_M = 0.02
_STRAY_RAD = 0.2
_SAMPLE_NS = 10_000_000
# Margin for the motion between two samples of the box check.
_BOX_MARGIN_M = 0.002
# An arm this close to home (rad) and this slow (rad/s) goes the rest of the way in one trajectory of this length (ns).
_NEAR_HOME, _SLOW, _LAST_PIECE_NS = 0.02, 0.1, 500_000_000
_HOME_TOLERANCE = 1e-6
# How far beyond a limit an arm that stopped at the limit may measure, rad.
_START_TOLERANCE = 0.01


class ExplorationPlanner:
    """Makes plans for one arm. The same generator and the same calls give the same plans.

    A plan moves the arm, then brakes. The caller asks for the next plan at `replan_at_ns`, before the braking starts,
    so that the motion is continuous. A plan that is not replaced ends at rest within HORIZON_NS.
    """

    def __init__(self, arm: Arm, chain: Chain, settings: ExplorationSettings, rng: np.random.Generator) -> None:
        self._arm, self._chain, self._settings, self._rng = arm, chain, settings, rng
        self.limits = MotionLimits(
            arm.position_limits,
            np.array(arm.velocity_limits) * settings.speed,
            np.array(arm.acceleration_limits),
            _STEP_NS * 1e-9,
        )
        moving_ns = HORIZON_NS - round(self.limits.braking_s * 1e9)
        self._steps = moving_ns // _STEP_NS
        if self._steps < 2:
            raise TrajectoryError(
                f"arm {arm.name!r} needs {self.limits.braking_s:.2g} s to brake, expected less than "
                f"{HORIZON_NS * 1e-9:g} s. Raise acceleration_limits or lower the speed."
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

    def next(self, now_ns: int, position: Array, velocity: Array) -> Trajectory:
        """The plan that starts now, from the commanded state of the arm (position [J], rad; velocity [J], rad/s)."""
        best: tuple[float, Primitive, Trajectory] | None = None
        primitive = self._primitive
        for _ in range(_ATTEMPTS):
            if primitive is None or primitive.over(position):
                primitive = draw_primitive(self._arm, self._home, self._settings, position, self._rng)
            plan = self._follow(primitive.copy(), now_ns, position, velocity)
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
            return self._keep(self._rest_of_plan(now_ns, position, velocity), self.replan_ns)
        _, self._primitive, plan = best
        # Only the part up to the next replanning will be executed.
        self._primitive.advance(self.replan_ns * 1e-9)
        return self._keep(plan, self.replan_ns)

    def return_home(self, now_ns: int, position: Array, velocity: Array) -> Trajectory:
        """The next plan on the way to the home position. Call again, as with `next`, until `is_home` is true."""
        self._primitive = None
        home = np.array(self._arm.home)
        if np.max(np.abs(position - home)) <= _NEAR_HOME and np.max(np.abs(velocity)) <= _SLOW:
            times = np.array([0, _LAST_PIECE_NS])
            last = Trajectory(
                self._arm.joints, now_ns, times, np.stack([position, home]), np.stack([velocity, 0 * velocity])
            )
            return self._keep(last, _LAST_PIECE_NS)
        plan = self._follow(HomePrimitive(self._arm), now_ns, position, velocity)
        if not self._inside_box(self._sample(plan)):
            plan = self._rest_of_plan(now_ns, position, velocity)
        return self._keep(plan, self.replan_ns)

    def is_home(self, position: Array, velocity: Array) -> bool:
        """Whether the arm is at home and at rest."""
        state = np.concatenate([position - np.array(self._arm.home), velocity])
        return bool(np.max(np.abs(state)) <= _HOME_TOLERANCE)

    def stop(self, now_ns: int, position: Array, velocity: Array) -> Trajectory:
        """The fastest stop from a state (position [J], rad; velocity [J], rad/s)."""
        self._primitive = None
        stop = self._trajectory(now_ns, *self._with_brake([position], [velocity]))
        return self._keep(stop, stop.duration_ns)

    def _keep(self, plan: Trajectory, lasts_ns: int) -> Trajectory:
        self._plan = plan
        self.replan_at_ns = plan.stamp_ns + lasts_ns
        return plan

    def _follow(self, primitive: Primitive, now_ns: int, position: Array, velocity: Array) -> Trajectory:
        positions, velocities = [position], [velocity]
        for _ in range(int(self._steps)):
            wanted = primitive.joint_velocity(View.of(self._chain, positions[-1], self._home.point), positions[-1])
            primitive.advance(self.limits.step_s)
            after = self.limits.next_velocity(positions[-1], velocities[-1], wanted)
            positions.append(positions[-1] + (velocities[-1] + after) / 2 * self.limits.step_s)
            velocities.append(after)
        return self._trajectory(now_ns, *self._with_brake(positions, velocities))

    def _with_brake(self, positions: list[Array], velocities: list[Array]) -> tuple[Array, Array]:
        braking = self.limits.brake(positions[-1], velocities[-1])
        return np.concatenate([np.stack(positions), braking[0]]), np.concatenate([np.stack(velocities), braking[1]])

    def _trajectory(self, now_ns: int, positions: Array, velocities: Array) -> Trajectory:
        times = np.arange(len(positions), dtype=np.int64) * _STEP_NS
        return Trajectory(self._arm.joints, now_ns, times, positions, velocities)

    def _rest_of_plan(self, now_ns: int, position: Array, velocity: Array) -> Trajectory:
        """The rest of the previous plan, which was checked to its end; a stop if the state is not on that plan."""
        plan = self._plan
        if plan is not None and plan.velocities is not None and plan.stamp_ns <= now_ns:
            command = CommandInForce(self._arm.joints)
            command.add(plan, receipt_ns=plan.stamp_ns)
            if np.allclose(command.at(now_ns), position, atol=1e-6):
                left = plan.stamp_ns + plan.times_ns > now_ns
                times = np.concatenate([[0], plan.stamp_ns + plan.times_ns[left] - now_ns])
                positions = np.concatenate([position[None], plan.positions[left]])
                return Trajectory(
                    plan.joint_names, now_ns, times, positions, np.concatenate([velocity[None], plan.velocities[left]])
                )
        return self._trajectory(now_ns, *self._with_brake([position], [velocity]))

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
