from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.demo.plan import DemoSettings, make_plan
from aassl_ros.errors import ConfigError

CATEGORIES = tuple(f"kind{index}" for index in range(15))


@given(
    seconds=st.floats(20, 2000),
    categories=st.integers(2, 15),
    episode_seconds=st.floats(0.5, 20),
    seed=st.integers(0, 99),
)
def test_no_object_is_in_two_sets_and_every_category_is_in_each(
    seconds: float, categories: int, episode_seconds: float, seed: int
) -> None:
    settings = DemoSettings(seconds=seconds, categories=categories, episode_seconds=episode_seconds, seed=seed)
    plan = make_plan(settings, CATEGORIES)
    members: dict[str, set[str]] = {}
    for item in (*plan.offline, *plan.online):
        name, instance = item.split(":")
        members.setdefault(name, set()).add(instance)
    assert set(members) == {"train", "online", "test"}
    sets = [item.split(":")[0] for item in plan.online]
    assert sets == sorted(sets)  # first new objects, then test objects
    assert not members["train"] & members["test"]
    assert not members["online"] & (members["train"] | members["test"])
    for instances in members.values():
        assert len({instance.rsplit("_", 1)[0] for instance in instances}) == categories


def test_one_seed_gives_one_plan() -> None:
    assert make_plan(DemoSettings(seed=3), CATEGORIES) == make_plan(DemoSettings(seed=3), CATEGORIES)
    assert make_plan(DemoSettings(seed=3), CATEGORIES) != make_plan(DemoSettings(seed=4), CATEGORIES)


def test_more_categories_than_the_catalogue_has_are_refused() -> None:
    with pytest.raises(ConfigError, match="categories = 16, expected at most 15"):
        make_plan(DemoSettings(categories=16), CATEGORIES)
