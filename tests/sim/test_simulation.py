"""Steps, stamps and commands of the simulation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from aassl_ros.errors import ConfigError, SimulationError, TrajectoryError
from aassl_ros.motion.arms import load_arm
from aassl_ros.motion.trajectory import Trajectory
from aassl_ros.sim.simulation import START_NS, FrameEvent, JointEvent, Simulation, SimulationSettings
from aassl_ros.sim.world import World

_SECOND_NS = 1_000_000_000


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    settings = SimulationSettings(image_size=32)
    with World(load_arm("panda"), settings) as world:
        yield Simulation(world, settings)


def test_a_second_has_30_frames_and_100_joint_states_evenly_spaced_and_never_at_the_same_stamp(
    simulation: Simulation,
) -> None:
    events = list(simulation.run_until(START_NS + 2 * _SECOND_NS))
    frames = np.array([event.stamp_ns for event in events if isinstance(event, FrameEvent)])
    joints = np.array([event.stamp_ns for event in events if isinstance(event, JointEvent)])

    assert (len(frames), len(joints)) == (60, 200)
    assert np.abs(np.diff(frames) - _SECOND_NS / 30).max() <= 1
    assert np.abs(np.diff(joints) - _SECOND_NS / 100).max() <= 1
    assert np.abs(frames[:, None] - joints[None]).min() > 1_500_000
    assert [event.stamp_ns for event in events] == sorted(event.stamp_ns for event in events)


@pytest.mark.parametrize("rates", [(10, 50), (60, 300), (150, 100), (1, 1)])
def test_other_rates_keep_frames_and_joint_states_apart(rates: tuple[int, int]) -> None:
    settings = SimulationSettings(image_size=16, camera_hz=rates[0], joint_hz=rates[1])
    with World(load_arm("iiwa"), settings) as world:
        events = list(Simulation(world, settings).run_until(START_NS + _SECOND_NS))

    frames = [event.stamp_ns for event in events if isinstance(event, FrameEvent)]
    joints = [event.stamp_ns for event in events if isinstance(event, JointEvent)]
    assert (len(frames), len(joints)) == rates
    assert not set(frames) & set(joints)


def test_a_rate_that_does_not_divide_300_is_refused(simulation: Simulation) -> None:
    with pytest.raises(ConfigError, match="camera_hz = 29, expected a divisor of 300"):
        Simulation(simulation.world, SimulationSettings(camera_hz=29))


def test_the_joints_follow_a_trajectory_from_its_stamp_on(simulation: Simulation) -> None:
    home = simulation.world.robot.home[:7]
    start_ns = START_NS + _SECOND_NS // 2
    simulation.command(_trajectory(start_ns, [home, home + 0.2]))
    readings = [event for event in simulation.run_until(START_NS + 2 * _SECOND_NS) if isinstance(event, JointEvent)]
    before = [event.joints.position[:7] for event in readings if event.stamp_ns < start_ns]

    np.testing.assert_allclose(before, np.tile(home, (len(before), 1)), atol=2e-3)
    np.testing.assert_allclose(readings[-1].joints.position[:7], home + 0.2, atol=2e-3)


def test_a_frame_has_the_joint_state_of_its_own_time(simulation: Simulation) -> None:
    home = simulation.world.robot.home[:7]
    simulation.command(_trajectory(START_NS, [home, home + 0.2]))
    events = list(simulation.run_until(START_NS + _SECOND_NS))
    joints = [event for event in events if isinstance(event, JointEvent)]
    stamps = np.array([event.stamp_ns for event in joints])
    positions = np.array([event.joints.position[0] for event in joints])
    for frame in (event for event in events if isinstance(event, FrameEvent)):
        if stamps[0] <= frame.stamp_ns <= stamps[-1]:
            expected = np.interp(frame.stamp_ns, stamps, positions)
            assert frame.joints.position[0] == pytest.approx(expected, abs=2e-4)


def test_only_the_first_frame_after_a_swap_is_marked_as_first(simulation: Simulation) -> None:
    simulation.swap_object("mug_0001")
    frames = [event for event in simulation.run_until(START_NS + _SECOND_NS // 2) if isinstance(event, FrameEvent)]

    assert [frame.is_first for frame in frames] == [True] + [False] * (len(frames) - 1)
    assert all(frame.object_pose is not None for frame in frames)


def test_an_unknown_object_or_joint_is_refused_and_the_simulation_continues(simulation: Simulation) -> None:
    with pytest.raises(SimulationError, match="unicorn"):
        simulation.swap_object("unicorn_0001")
    with pytest.raises(TrajectoryError, match="'elbow'"):
        simulation.command(Trajectory(("elbow",), 0, np.zeros(1, np.int64), np.zeros((1, 1))))

    assert len(list(simulation.run_until(START_NS + _SECOND_NS // 10))) > 0


def test_one_seed_and_the_same_commands_give_the_same_frames() -> None:
    def story() -> list[np.ndarray]:
        settings = SimulationSettings(image_size=64, seed=9)
        with World(load_arm("xarm6"), settings, settings.seed) as world:
            simulation = Simulation(world, settings)
            simulation.swap_object("chair_0004")
            simulation.command(_trajectory(START_NS, [world.robot.home, world.robot.home + 0.3], world.joint_names))
            events = list(simulation.run_until(START_NS + _SECOND_NS))
        return [event.frame for event in events if isinstance(event, FrameEvent)]

    np.testing.assert_array_equal(story(), story())


def _trajectory(stamp_ns: int, points: list[np.ndarray], names: tuple[str, ...] | None = None) -> Trajectory:
    joints = names or load_arm("panda").joints
    times = np.arange(len(points), dtype=np.int64) * _SECOND_NS
    return Trajectory(joints, stamp_ns, times, np.array(points), np.zeros((len(points), len(joints))))
