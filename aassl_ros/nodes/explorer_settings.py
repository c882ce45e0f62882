"""The explorer's parameters, and the list of objects that it handles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from aassl_ros.data.streams.schedule import ScheduledObject
from aassl_ros.motion.arms import Arm
from aassl_ros.motion.driver import ArmDriver
from aassl_ros.motion.exploration import ExplorationPlanner
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ExplorerSettings(ExplorationSettings):
    """Parameters of the explorer node, including those of the motion."""

    arm: str = setting("panda", "arm configuration: panda, iiwa, xarm6, ur5e, so101, or the path of a YAML file")
    seed: int = setting(0, "seed of the motion; the same seed repeats it", minimum=0)
    objects: tuple[str, ...] = setting(
        (),
        "objects to handle, in order, each as SET:INSTANCE, such as train:mug_0003; empty: the whole catalogue, with a "
        "third of the objects for testing",
    )
    repeat: bool = setting(False, "start again with the first object after the last")
    episode_seconds: float = setting(2.5, "handling time of each object, s", minimum=0.1, maximum=3600.0)
    exit_when_done: bool = setting(False, "exit after the last object")
    simulator: bool = setting(True, "request each object from the simulator; false: a person puts it into the gripper")
    confirm: bool = setting(
        True, "if simulator is false: before each object, stop and wait for a call of explorer/next"
    )
    armed: bool = setting(
        False, "true: a real arm moves as soon as everything is ready; false: only after a call of explorer/arm"
    )
    controller: str = setting(
        "",
        "full name of the node that controls the arm; empty: any node that subscribes to the trajectory commands, "
        "except our own",
    )
    trajectory_action: str = setting(
        "auto",
        "action FollowJointTrajectory to which the trajectories for a real arm are sent as goals; auto: "
        "follow_joint_trajectory beside the trajectory topic, if a controller offers it; none: use the topic",
    )
    listeners: int = setting(
        0, "subscribers of the episode topic to wait for before the first episode", minimum=0, maximum=100
    )
    joint_timeout_s: float = setting(
        0.5, "stop the arm if there are no joint states for this time, s", minimum=0.05, maximum=60.0
    )
    simulator_timeout_s: float = setting(
        5.0, "longest time for the simulator to show an object, s", minimum=0.1, maximum=600.0
    )
    patience_s: float = setting(
        60.0,
        "exit if joint states, controller or subscribers are missing for this time, s",
        minimum=1.0,
        maximum=1e6,
    )
    slow_start_s: float = setting(
        3.0,
        "after arming, the speed of a real arm rises to its limit within this time, s; 0: full speed at once",
        minimum=0.0,
        maximum=600.0,
    )
    start_tolerance: float = setting(
        0.1,
        "disarm a real arm if it is this far from where its first trajectory starts, rad",
        minimum=0.001,
        maximum=1.0,
    )
    stuck_s: float = setting(
        1.0,
        "disarm a real arm if a joint does not move at all for this time, though it is commanded to, s",
        minimum=0.2,
        maximum=60.0,
    )
    following_tolerance: float = setting(
        0.5,
        "exit if a joint is this far from its command for more than two seconds, rad",
        minimum=0.01,
        maximum=10.0,
    )


def make_driver(arm: Arm, urdf: str | None, settings: ExplorerSettings) -> ArmDriver:
    """The driver of an arm with these settings. urdf: the text of its URDF; None: the file that the arm names.

    Raises ConfigError or TrajectoryError if the arm does not fit its URDF, or cannot stop in time.
    """
    planner = ExplorationPlanner(arm, arm.chain(urdf), settings, np.random.default_rng(settings.seed))
    return ArmDriver(arm, planner, slow_start_s=settings.slow_start_s, stuck_s=settings.stuck_s)


def objects_to_handle(settings: ExplorerSettings) -> Iterable[ScheduledObject]:
    """Return the objects to handle, in order. Raises ConfigError if one is not of the form SET:INSTANCE."""
    listed = [ScheduledObject.parse(text) for text in settings.objects]
    if not listed and settings.simulator:
        return _catalogue(np.random.default_rng(settings.seed))
    return _endlessly(listed) if settings.repeat and listed else listed


def _endlessly(objects: list[ScheduledObject]) -> Iterator[ScheduledObject]:
    while True:
        yield from objects


def _catalogue(rng: np.random.Generator) -> Iterator[ScheduledObject]:
    """Yield new instances of every category without end, in rounds. The categories are shuffled in each round.

    In every other round, a test object follows each training object. So even a short recording holds both sets and can
    be evaluated, and a long one has twice as many training objects as test objects.
    """
    from aassl_ros.sim.catalogue import instance_id, load_catalogue

    categories = load_catalogue().categories
    index = 0
    while True:
        sets = ("train", "test") if index % 3 == 0 else ("train",)
        for place in rng.permutation(len(categories)):
            for offset, set_name in enumerate(sets):
                instance = instance_id(categories[place], index + offset)
                yield ScheduledObject(set_name, instance, categories[place])
        index += len(sets)
