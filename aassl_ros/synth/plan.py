"""Which objects and episodes a data set has, in the order of the data."""

from __future__ import annotations

from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.sim.household.categories import HOUSEHOLD, OTHERS
from aassl_ros.synth.household_settings import HouseholdSettings
from aassl_ros.synth.settings import SynthSettings
from aassl_ros.synth.task import FIRST_TEST_INDEX, Task, split_episodes

AnySettings = SynthSettings | HouseholdSettings


def count_frames(settings: AnySettings) -> int:
    """The number of frames of the data, without canonical views. Fast for any size: the plan itself is not made."""
    if isinstance(settings, HouseholdSettings):
        main = settings.instances * settings.views + settings.test_instances * settings.test_views
        categories = min(settings.categories, len(HOUSEHOLD))
        others = min(settings.other_categories, len(OTHERS))
        return categories * main + others * 2 * settings.other_instances * settings.test_views
    episodes = settings.instances * settings.episodes + settings.test_instances * settings.test_episodes
    return min(settings.categories, len(CATEGORIES)) * episodes * settings.views


def plan(settings: AnySettings) -> list[Task]:
    """The tasks in the order of the data: training objects first, with the categories in turn."""
    return _household(settings) if isinstance(settings, HouseholdSettings) else _plain(settings)


def _plain(settings: SynthSettings) -> list[Task]:
    categories = sorted(CATEGORIES)[: settings.categories]
    train = [(name, index, "train") for index in range(settings.instances) for name in categories]
    test = [(name, FIRST_TEST_INDEX + index, "test") for index in range(settings.test_instances)
            for name in categories]  # fmt: skip
    tasks: list[Task] = []
    for name, index, instance_set in train + test:
        is_test = instance_set == "test"
        episodes = settings.test_episodes if is_test else settings.episodes
        tasks += [
            Task(name, index, instance_set, first, count, settings.views, has_views=is_test and first == 0)
            for first, count in split_episodes(episodes, settings.views, settings.image_size)
        ]
    return tasks


def _household(settings: HouseholdSettings) -> list[Task]:
    """One episode of each object: first the household categories, then the others."""
    names, others = sorted(HOUSEHOLD)[: settings.categories], sorted(OTHERS)[: settings.other_categories]
    test = range(FIRST_TEST_INDEX, FIRST_TEST_INDEX + settings.test_instances)
    other_test = range(FIRST_TEST_INDEX, FIRST_TEST_INDEX + settings.other_instances)
    grid = FIRST_TEST_INDEX + settings.grid_instances
    return [
        *(Task(name, index, "train", 0, 1, settings.views) for index in range(settings.instances) for name in names),
        *(Task(name, index, "test", 0, 1, settings.test_views, index < grid) for index in test for name in names),
        *(Task(name, index, "train", 0, 1, settings.test_views, is_other=True)
          for index in range(settings.other_instances) for name in others),
        *(Task(name, index, "test", 0, 1, settings.test_views, is_other=True)
          for index in other_test for name in others),
    ]  # fmt: skip
