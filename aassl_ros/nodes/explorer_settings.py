"""What the explorer node may be told, and which objects it is to handle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from aassl_ros.data.streams.schedule import ScheduledObject
from aassl_ros.motion.primitives import ExplorationSettings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ExplorerSettings(ExplorationSettings):
    """How the arm moves, and the objects that it handles."""

    arm: str = setting("panda", "arm set-up: panda, iiwa, xarm6, or the path of a YAML file of one's own")
    seed: int = setting(0, "seed of the motion; the same seed repeats it", minimum=0)
    objects: tuple[str, ...] = setting(
        (),
        "objects in order, each SET:INSTANCE as train:mug_0003; none: the whole catalogue, a third of it for testing",
    )
    repeat: bool = setting(False, "begin again with the first object after the last")
    episode_seconds: float = setting(2.5, "how long each object is handled, s", minimum=0.1, maximum=3600.0)
    exit_when_done: bool = setting(False, "end the process once every object was handled")
    simulator: bool = setting(True, "ask the simulator for each object; if false a person puts it into the hand")
    confirm: bool = setting(True, "without the simulator: rest before each object until explorer/next is called")
    armed: bool = setting(
        False, "a real arm may move as soon as everything is ready; false: only after explorer/arm was called"
    )
    controller: str = setting(
        "", "full name of the node that moves the arm; empty: whoever hears its trajectories, our own nodes aside"
    )
    listeners: int = setting(0, "subscribers of the episode topic to wait for before the first", minimum=0, maximum=100)
    joint_timeout_s: float = setting(
        0.5, "the arm is stopped when joint states are silent for so long, s", minimum=0.05, maximum=60.0
    )
    simulator_timeout_s: float = setting(
        5.0, "how long the simulator may take to show an object, s", minimum=0.1, maximum=600.0
    )
    patience_s: float = setting(
        60.0,
        "how long to wait for joint states, controller and listeners before giving up, s",
        minimum=1.0,
        maximum=1e6,
    )
    following_tolerance: float = setting(
        0.5, "give up when a joint is this far from its command for over two seconds, rad", minimum=0.01, maximum=10.0
    )


def objects_to_handle(settings: ExplorerSettings) -> Iterable[ScheduledObject]:
    """The objects in their order. Raises ConfigError if one is not of the form SET:INSTANCE."""
    listed = [ScheduledObject.parse(text) for text in settings.objects]
    if not listed and settings.simulator:
        return _catalogue(np.random.default_rng(settings.seed))
    return _endlessly(listed) if settings.repeat and listed else listed


def _endlessly(objects: list[ScheduledObject]) -> Iterator[ScheduledObject]:
    while True:
        yield from objects


def _catalogue(rng: np.random.Generator) -> Iterator[ScheduledObject]:
    """New instances of every category, without end, the categories shuffled in each round.

    Every other round shows one for testing after each for training: even a short recording holds both sets, so that
    what is learned from it can be measured, and a long one has twice as many objects to learn from as to test on.
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
