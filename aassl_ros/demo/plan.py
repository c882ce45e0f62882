"""Plan which objects the demo handles, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting

# Time between two episodes for swapping the object and settling the arm, s.
_BETWEEN_EPISODES_S = 0.3

PRETRAINED, SCRATCH = "pretrained", "scratch"
SCRATCH_SIZE = 48
"""Side of the images of an encoder from scratch, in pixels: two cores then make enough updates."""


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demo. The defaults fit ten minutes on two cores without a GPU."""

    seconds: float = setting(280.0, "total recording time in seconds, offline and online part together", minimum=20)
    categories: int = setting(8, "number of object categories", minimum=2)
    episode_seconds: float = setting(1.2, "handling time of each object, in seconds", minimum=0.5, maximum=60)
    train_seconds: float = setting(140.0, "maximum time of offline training, in seconds", minimum=1)
    image_size: int = setting(
        96, "side of the stored frames and of the pretrained encoder's input, in pixels", minimum=32, maximum=1024
    )
    start: str = setting(
        PRETRAINED, "first weights: ImageNet's, or random ones (as --from-scratch)", choices=(PRETRAINED, SCRATCH)
    )
    reference_seconds: float = setting(
        30.0, "training time of the encoder from scratch that is shown for comparison, in seconds", minimum=1
    )
    seed: int = setting(0, "seed of objects, world, exploration and training", minimum=0)
    arm: str = setting("panda", "arm configuration: panda, iiwa, xarm6, ur5e, so101 or the path of a YAML file")

    @property
    def pretrained(self) -> bool:
        """If the demo starts from published weights."""
        return self.start == PRETRAINED

    @property
    def phases(self) -> tuple[str, ...]:
        """The encoders that are evaluated, in the order of the report."""
        return ("frozen", "offline", "online", "scratch") if self.pretrained else ("offline", "online")


@dataclass(frozen=True)
class DemoPlan:
    """Instances to handle in each part, as "SET:INSTANCE", in order."""

    offline: tuple[str, ...]
    online: tuple[str, ...]


def make_plan(settings: DemoSettings, categories: Sequence[str]) -> DemoPlan:
    """Choose disjoint sets of instances, each part in random order.

    The offline part holds the sets train and test. The online part holds the set online, then some of the test objects
    again. Three quarters of the time are for the offline part. About 70 % of its objects are for training, the rest for
    testing.

    Raises ConfigError if the catalogue has too few categories.
    """
    if settings.categories > len(categories):
        raise ConfigError(
            f"categories = {settings.categories}, expected at most {len(categories)}, the size of the catalogue."
        )
    rng = np.random.default_rng(settings.seed)
    chosen = [categories[index] for index in np.sort(rng.permutation(len(categories))[: settings.categories])]
    per_category = settings.seconds / (settings.episode_seconds + _BETWEEN_EPISODES_S) / settings.categories
    tested = max(2, round(0.75 * per_category * 0.3))
    trained = max(2, round(0.75 * per_category) - tested)
    online = max(1, round(0.25 * per_category / 2))
    shown = min(tested, online)
    # The sets take consecutive ranges of a category's instance numbers, so they cannot share an instance.
    offline_list = [f"train:{name}_{index:04d}" for name in chosen for index in range(trained)]
    offline_list += [f"test:{name}_{trained + index:04d}" for name in chosen for index in range(tested)]
    online_list = [f"online:{name}_{trained + tested + index:04d}" for name in chosen for index in range(online)]
    shown_list = [f"test:{name}_{trained + index:04d}" for name in chosen for index in range(shown)]
    # New objects first: the answers about test objects are those of an encoder that has learned from them.
    return DemoPlan(_shuffled(offline_list, rng), _shuffled(online_list, rng) + _shuffled(shown_list, rng))


def _shuffled(items: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(items[index] for index in rng.permutation(len(items)))
