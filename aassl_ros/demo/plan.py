"""Which objects the demo handles, in which order and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting

# Swapping an object and settling the arm takes about this long between episodes, s.
_BETWEEN_EPISODES_S = 0.3


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demo. The defaults fit ten minutes on two cores without a GPU."""

    seconds: float = setting(330.0, "time spent collecting, offline and online together, in seconds", minimum=20)
    categories: int = setting(8, "how many categories are handled", minimum=2)
    episode_seconds: float = setting(1.2, "how long each object is handled, in seconds", minimum=0.5, maximum=60)
    train_seconds: float = setting(140.0, "longest time for offline training, in seconds", minimum=1)
    image_size: int = setting(48, "side of the frames learned from, in pixels", minimum=16, maximum=1024)
    seed: int = setting(0, "seed of objects, world, exploration and training", minimum=0)
    arm: str = setting("panda", "arm set-up: panda, iiwa, xarm6 or a path")


@dataclass(frozen=True)
class DemoPlan:
    """Instances to handle as "SET:INSTANCE", in order: first offline, then online."""

    offline: tuple[str, ...]
    online: tuple[str, ...]


def make_plan(settings: DemoSettings, categories: Sequence[str]) -> DemoPlan:
    """Disjoint sets of instances: train and test offline, online and test again in the online part, both shuffled.

    Three quarters of the time go to the offline part; three of four of its objects are for training, the rest
    for testing.
    """
    if settings.categories > len(categories):
        raise ConfigError(
            f"categories = {settings.categories}, expected at most {len(categories)}: the catalogue has no more."
        )
    rng = np.random.default_rng(settings.seed)
    chosen = [categories[index] for index in np.sort(rng.permutation(len(categories))[: settings.categories])]
    per_category = settings.seconds / (settings.episode_seconds + _BETWEEN_EPISODES_S) / settings.categories
    tested = max(2, round(0.75 * per_category * 0.3))
    trained = max(2, round(0.75 * per_category) - tested)
    online = max(1, round(0.25 * per_category / 2))
    shown = min(tested, online)
    # Instance numbers follow one another within a category, so that the sets cannot share one.
    offline_list = [f"train:{name}_{index:04d}" for name in chosen for index in range(trained)]
    offline_list += [f"test:{name}_{trained + index:04d}" for name in chosen for index in range(tested)]
    online_list = [f"online:{name}_{trained + tested + index:04d}" for name in chosen for index in range(online)]
    online_list += [f"test:{name}_{trained + index:04d}" for name in chosen for index in range(shown)]
    return DemoPlan(_shuffled(offline_list, rng), _shuffled(online_list, rng))


def _shuffled(items: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(items[index] for index in rng.permutation(len(items)))
